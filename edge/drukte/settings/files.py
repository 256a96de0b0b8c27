"""The site file as bytes, so that what is judged is what is parsed, and what else belongs to the settings."""

from pathlib import Path

from drukte.config import Problem, Site, SiteError, parse_site
from drukte.config.document import MAX_BYTES
from drukte.config.generic import NAME as SHARED

__all__ = ["MAX_BYTES", "SHARED", "SIGNERS", "TrustError", "named_files", "parse_bytes", "read_bytes"]

SIGNERS = "signers.yaml"


class TrustError(SiteError):
    """A site file that may be right, but is not signed as this device demands."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(name, [Problem("", None, "", reason)])


def read_bytes(path: Path) -> bytes:
    """The site file at `path` as it lies there.

    Raises:
        SiteError: it is missing, unreadable or too large.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        problem = Problem("", None, "", f"cannot be read: {error.strerror}. Check the path and the file's mode")
        raise SiteError(str(path), [problem]) from None
    if len(data) > MAX_BYTES:
        raise SiteError(str(path), [Problem("", None, f"{path.stat().st_size} bytes", f"at most {MAX_BYTES} bytes")])
    return data


def parse_bytes(data: bytes, path: Path) -> Site:
    """The checked site in `data`, which lies or is to lie at `path`.

    Raises:
        SiteError: it is not text, not YAML, or breaks the schema.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        problem = Problem("", None, f"byte {error.object[error.start]:#x}", "must be text in UTF-8")
        raise SiteError(str(path), [problem]) from None
    return parse_site(text, str(path), path)


def named_files(site: Site) -> list[str]:
    """Calibration and configuration files that a site file names, as they stand there."""
    names: list[object] = []
    for sensor in site.sensors():
        names += [getattr(sensor.ground, key, None) for key in ("file", "intrinsics", "extrinsics")]
        names.append(getattr(sensor.source, "configuration", None))
    return [str(name) for name in names if name]
