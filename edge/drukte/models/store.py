"""The model store: where model files lie on this device, and whether they are the right ones.

A file whose hash is wrong is never handed out. Reading the store needs nothing but the standard library and PyYAML;
`drukte.models.pull` puts files into it.
"""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path
from typing import NamedTuple

from drukte.models.manifest import MAX_BYTES, ModelError, Size, known, model

SYSTEM_STORE = Path("/var/lib/drukte/models")
PACKAGED = Path("/usr/share/drukte/models")
"""Files of the Debian package drukte-model; looked at when the store itself has none."""

_HASH = re.compile(r"[0-9a-f]{64}")


class State(NamedTuple):
    """One file of the store as it lies there."""

    name: str
    size: Size
    path: Path
    problem: str | None
    """None when the hash is right, else what is wrong."""
    vouched_by: str
    """"manifest", or "this device" for a size that was made on request."""


def folder() -> Path:
    """The folder models lie in: `DRUKTE_MODELS`, else the system's if readable, else the user's own."""
    if chosen := os.environ.get("DRUKTE_MODELS"):
        return Path(chosen)
    if SYSTEM_STORE.is_dir() and os.access(SYSTEM_STORE, os.R_OK | os.X_OK):
        return SYSTEM_STORE
    home = os.environ.get("XDG_DATA_HOME")
    return (Path(home) if home else Path.home() / ".local" / "share") / "drukte" / "models"


def path_of(name: str, size: Size) -> Path:
    """Where the store keeps that file, whether it is there or not."""
    return folder() / f"{name}_{size}.onnx"


def _lying(name: str, size: Size) -> Path:
    """Where that file is read: from the store, else from the package."""
    path = path_of(name, size)
    packaged = PACKAGED / path.name
    return packaged if not path.exists() and packaged.exists() else path


def read(name: str, size: str | Size | None = None) -> bytes:
    """The graph itself, verified: the bytes that were hashed are the bytes returned.

    Args:
        name: model name of the manifest.
        size: input size as "416x256" (width x height, pixels); None is the model's default.

    Raises:
        ModelError: unknown model, impossible size, or a file that is missing, unreadable or not what it
            should be.
    """
    entry = model(name)
    chosen = entry.size(size)
    path = _lying(name, chosen)
    again = f"drukte models pull {name} --size {chosen}"
    data = read_bytes(path, f"model {name} for input {chosen} is not on this device: {path} is missing. Run: {again}")
    expected = entry.sizes.get(chosen) or _recorded_hash(path, again)
    if sha256(data) != expected:
        raise ModelError(
            f"model file {path} is damaged or was changed: its sha256 is {sha256(data)} and should be "
            f"{expected}. It is not loaded. Run: {again}"
        )
    return data


def find(name: str, size: str | Size | None = None) -> Path:
    """The file of a model, after its hash was verified. Same arguments and errors as `read`.

    Whoever opens the file later trusts that nobody changes it in between; `read` does not need that trust.
    """
    read(name, size)
    return _lying(name, model(name).size(size))


def verify(name: str | None = None) -> list[State]:
    """Hash every file the store holds of one model, or of all."""
    states = []
    for entry in known().values() if name is None else [model(name)]:
        for path in sorted(folder().glob(f"{entry.name}_*.onnx")):
            try:
                size = entry.size(path.stem.removeprefix(f"{entry.name}_"))
            except ModelError:
                continue
            try:
                read(entry.name, size)
                problem = None
            except ModelError as error:
                problem = str(error)
            states.append(State(entry.name, size, path, problem, "manifest" if size in entry.sizes else "this device"))
    return states


def sha256(data: bytes) -> str:
    """SHA-256 in lower-case hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def read_bytes(path: Path, missing: str) -> bytes:
    """A file's bytes, refusing what is too large to be a model.

    Raises:
        ModelError: `missing` when there is no such file, else what is wrong with it.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ModelError(f"{path} is larger than {MAX_BYTES // 2**20} MiB: that is no model of drukte")
        return path.read_bytes()
    except FileNotFoundError:
        raise ModelError(missing) from None
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror}") from error


def hash_file_of(path: Path) -> Path:
    """Where the hash of a size that the manifest does not list was recorded when it was made."""
    return path.with_suffix(".onnx.sha256")


def _recorded_hash(path: Path, again: str) -> str:
    note = hash_file_of(path)
    text = read_bytes(note, f"{path} has no hash beside it ({note.name}), so it is not loaded. Run: {again}")
    recorded = text[:64].decode("ascii", "replace")
    if not _HASH.fullmatch(recorded):
        raise ModelError(f"{note} does not hold a sha256, so {path.name} is not loaded. Run: {again}")
    return recorded
