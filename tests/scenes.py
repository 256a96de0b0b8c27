"""Small recordings and site files made by code, for tests of the whole way of a frame without recorded people."""

import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import yaml

ROOT = Path(__file__).resolve().parent.parent
SITES = ROOT / "firmware_config" / "sites"


def moving_square(path: Path, frames: int = 60, size: tuple[int, int] = (320, 240), rate: float = 25.0) -> Path:
    """A video in which a bright square walks over noise."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), rate, size)
    rng = np.random.default_rng(1)
    for number in range(frames):
        picture = rng.integers(60, 80, (size[1], size[0], 3), dtype=np.uint8)
        left = 10 + number * 3 % (size[0] - 60)
        picture[80:160, left : left + 40] = (40, 200, 90)
        writer.write(picture)
    writer.release()
    return path


def site_file(folder: Path, **changes: Any) -> Path:
    """The demo's site file, with keys replaced (`a__b` is key b of section a), written into `folder`."""
    tree = yaml.safe_load((SITES / "demo-street.yaml").read_text())
    for path, value in changes.items():
        *sections, key = path.split("__")
        place = tree
        for section in sections:
            place = place.setdefault(section, {})
        place[key] = value
    file = folder / "site.yaml"
    file.write_text(yaml.safe_dump(tree, sort_keys=False))
    return file


def drukte(*arguments: str | Path) -> list[str]:
    """Command line of a drukte command in this environment."""
    return [sys.executable, "-m", "drukte", *map(str, arguments)]
