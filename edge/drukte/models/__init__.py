"""Models: what there is, what lies on this device, and only files whose hash is right.

Fetching and making files is in `drukte.models.pull`, which is not imported here: the sealed room reads models, it
never starts a program or asks a network for one.
"""

from drukte.models.manifest import Model, ModelError, Package, Size, known, model, parse_manifest
from drukte.models.store import State, find, folder, path_of, read, verify

__all__ = [
    "Model",
    "ModelError",
    "Package",
    "Size",
    "State",
    "find",
    "folder",
    "known",
    "model",
    "parse_manifest",
    "path_of",
    "read",
    "verify",
]
