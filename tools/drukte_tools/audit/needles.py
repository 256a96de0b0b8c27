"""What to look for: pieces of the watermarked picture, in every form in which the room holds it for a moment."""

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import IO

import numpy as np

from drukte.sense.sources.canary import line

Needles = Mapping[str, bytes]
CHUNK = 16 << 20
LONGEST = 512
"""Bytes by which two chunks overlap; no piece is longer, in whatever form."""


def needles(seed: int, width: int, height: int, model: str) -> Needles:
    """Pieces of the picture as it comes, made smaller, and as numbers for the network.

    Args:
        seed, width, height: of the canary source.
        model: size of the network's input, `416x256`.
    """
    import cv2

    row = line(seed, width)
    columns, rows = map(int, model.split("x"))
    scale = min(rows / height, columns / width)
    placed = max(1, round(width * scale)), max(1, round(height * scale))
    picture = np.broadcast_to(row, (height, width, 3))
    small = cv2.resize(np.ascontiguousarray(picture), placed, interpolation=cv2.INTER_LINEAR)[placed[1] // 2]
    middle, half = width // 16 * 8, placed[0] // 2
    numbers = small[half : half + 24, 0].astype(np.float32)
    return {
        "raw": row[middle : middle + 24].tobytes(),
        "raw, one colour": row[middle : middle + 64, 0].tobytes(),
        "resized": small[half : half + 24].tobytes(),
        "float": numbers.tobytes(),
        "float, 0 to 1": (numbers * np.float32(1 / 255)).tobytes(),
    }


def count(data: bytes | bytearray, wanted: Needles) -> dict[str, int]:
    """How often each piece stands in the data, plain."""
    return {name: data.count(needle) for name, needle in wanted.items()}


def in_memory(pid: int, wanted: Needles) -> tuple[dict[str, int], int]:
    """How often each piece stands in the memory of a process, and how many bytes were read.

    Raises:
        PermissionError: the process is protected from this user; root is needed.
    """
    hits = dict.fromkeys(wanted, 0)
    read = 0
    with Path(f"/proc/{pid}/maps").open() as maps, Path(f"/proc/{pid}/mem").open("rb", 0) as memory:
        for entry in maps:
            span, rights, *_ = entry.split(None, 5)
            if "r" not in rights or "[v" in entry:
                continue
            start, end = (int(side, 16) for side in span.split("-"))
            for at in range(start, end, CHUNK):
                try:
                    memory.seek(at)
                    data = memory.read(min(CHUNK + LONGEST, end - at))
                except (OSError, ValueError):
                    continue
                read += len(data)
                for name, n in count(data, wanted).items():
                    hits[name] += n
    return hits, read


def disguises(wanted: Needles) -> dict[str, bytes]:
    """The pieces as they are, hexadecimal, and inside base64, as text would carry them."""
    forms = dict(wanted)
    forms |= {f"{name}, hexadecimal": needle.hex().encode() for name, needle in wanted.items()}
    for name, needle in wanted.items():
        # a piece inside longer base64 begins at one of three places of its alphabet
        for shift in range(3):
            text = base64.b64encode(bytes(shift) + needle)
            forms[f"{name}, base64 {shift}"] = text[4 : len(text) // 4 * 4 - 4]
    return forms


def in_stream(stream: IO[bytes], wanted: Needles, most: int) -> tuple[int, int]:
    """How many pieces stand in what a stream gives, and how many bytes were read, `most` at most."""
    hits = read = 0
    tail = b""
    while read < most and (data := stream.read(min(CHUNK, most - read))):
        read += len(data)
        # what lies in the part that was looked at before is not counted twice
        hits += sum((tail + data).count(needle) - tail.count(needle) for needle in wanted.values())
        tail = data[-LONGEST:]
    return hits, read
