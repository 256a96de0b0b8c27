"""The model manifest: which models there are, where their weights come from, and the hash of every file.

Names, licences and hashes are data, in models/manifest.yaml of the source, which every installation carries.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib import resources
from typing import Any, NamedTuple

import yaml

# Nothing the manifest names comes near it; keeps a wrong file (a video, a disk image) from filling the memory.
MAX_BYTES = 64 * 2**20

_SIZE = re.compile(r"(\d{1,5})\s*[xX×]\s*(\d{1,5})")
_HASH = re.compile(r"[0-9a-f]{64}")
_LARGEST_SIDE = 4096


class ModelError(Exception):
    """A model is missing, damaged, or not to be had; the text says what to do next."""


class Size(NamedTuple):
    """Input size of a model in pixels."""

    width: int
    height: int

    def __str__(self) -> str:
        return f"{self.width}x{self.height}"


@dataclass(frozen=True, slots=True)
class Package:
    """The published package one file is taken out of. Hashes are SHA-256 in lower-case hexadecimal."""

    requirement: str
    wheel: str
    sha256: str
    bytes: int
    file: str
    file_sha256: str
    file_bytes: int


@dataclass(frozen=True, slots=True)
class Model:
    """One entry of the manifest."""

    name: str
    task: str
    origin: str
    licence: str
    attribution: str
    package: Package
    release_sha256: str
    release_bytes: int
    multiple_of: int
    default_size: Size
    sizes: dict[Size, str]

    def size(self, text: str | Size | None) -> Size:
        """The input size written as "416x256" (width x height, pixels); None is the default size.

        Raises:
            ModelError: not a size, or not one this network can have.
        """
        if text is None:
            return self.default_size
        step = self.multiple_of
        match = _SIZE.fullmatch(str(text).strip())
        size = Size(int(match[1]), int(match[2])) if match else Size(0, 0)
        if any(side % step or not step <= side <= _LARGEST_SIDE for side in size):
            raise ModelError(
                f"'{text}' is not an input size for model {self.name}: write WIDTHxHEIGHT, both a multiple "
                f"of {step} from {step} to {_LARGEST_SIDE}, for example {' or '.join(map(str, self.sizes))}"
            )
        return size


def known() -> dict[str, Model]:
    """The models of the installed manifest, by name.

    Raises:
        ModelError: the installed manifest is missing or damaged.
    """
    try:
        text = (resources.files("drukte") / "data" / "manifest.yaml").read_text(encoding="utf-8")
        return parse_manifest(text)
    except (OSError, ValueError) as error:
        raise ModelError(f"the model manifest of this installation is damaged ({error}): reinstall drukte") from error


def parse_manifest(text: str) -> dict[str, Model]:
    """Read a manifest.

    Raises:
        ValueError: not YAML, or an entry is missing, unknown or malformed; the text names the key.
    """
    try:
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(f"not YAML: {error}") from error
    top = _keys(data, "manifest", {"version", "models"})
    if top["version"] != 1:
        raise ValueError(f"version: {top['version']!r} is not 1")
    if not isinstance(top["models"], dict) or not top["models"]:
        raise ValueError("models: not a mapping with at least one model")
    return {str(name): _model(str(name), entry) for name, entry in top["models"].items()}


def model(name: str) -> Model:
    """The manifest's entry for `name`.

    Raises:
        ModelError: there is no such model.
    """
    models = known()
    if name not in models:
        raise ModelError(f"there is no model named '{name}'; known: {', '.join(models)}")
    return models[name]


def _keys(data: Any, where: str, expected: set[str]) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise ValueError(f"{where}: not a mapping")
    if wrong := set(map(str, data)) ^ expected:
        raise ValueError(f"{where}: missing or unknown: {', '.join(sorted(wrong))}")
    return data


def _typed(data: dict[str, Any], where: str) -> dict[str, Any]:
    """Every hash is a hash, every number of bytes a number, everything else text."""
    for key, value in data.items():
        if key.endswith("bytes"):
            good = type(value) is int and 0 < value <= MAX_BYTES
        elif key.endswith("sha256"):
            good = isinstance(value, str) and _HASH.fullmatch(value) is not None
        else:
            good = isinstance(value, str) and value.strip() != ""
        if not good:
            raise ValueError(f"{where}.{key}: {value!r} is not allowed")
    return data


def _model(name: str, data: Any) -> Model:
    texts = {"task", "origin", "licence", "attribution"}
    _keys(data, name, texts | {"package", "release", "multiple_of", "default_size", "sizes"})
    package = Package(
        **_typed(_keys(data["package"], f"{name}.package", set(Package.__dataclass_fields__)), f"{name}.package")
    )
    release = _typed(_keys(data["release"], f"{name}.release", {"sha256", "bytes"}), f"{name}.release")
    if type(data["multiple_of"]) is not int or data["multiple_of"] < 1:
        raise ValueError(f"{name}.multiple_of: {data['multiple_of']!r} is not a positive whole number")
    if not isinstance(data["sizes"], dict):
        raise ValueError(f"{name}.sizes: not a mapping of WIDTHxHEIGHT to sha256")
    sizes = _typed({f"{size} sha256": value for size, value in data["sizes"].items()}, f"{name}.sizes")
    bare = Model(
        name=name,
        **_typed({key: data[key] for key in texts}, name),
        package=package,
        release_sha256=release["sha256"],
        release_bytes=release["bytes"],
        multiple_of=data["multiple_of"],
        default_size=Size(0, 0),
        sizes={},
    )
    try:
        for text, value in sizes.items():
            bare.sizes[bare.size(text.split()[0])] = value
        default = bare.size(data["default_size"])
    except ModelError as error:
        raise ValueError(f"{name}.sizes: {error}") from error
    if default not in bare.sizes:
        raise ValueError(f"{name}.default_size: {default} is not among the sizes")
    return Model(
        **{key: getattr(bare, key) for key in Model.__dataclass_fields__ if key != "default_size"},
        default_size=default,
    )
