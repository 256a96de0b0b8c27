"""Pixels, echoes, positions and tracks have no way out of `sense` in the code itself: who names a way out, is named.

A second opinion besides the kernel's seal: it reads the code without running it, and sees through other names.
"""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

import drukte

ROOT: Final = Path(drukte.__file__).parent
SINK_CALLS: Final = {
    *(f"cv2.{name}" for name in ("imwrite", "imencode", "imshow", "VideoWriter", "imwritemulti", "imencodemulti")),
    *(f"numpy.{name}" for name in ("save", "savez", "savez_compressed", "savetxt", "memmap", "lib.format.write_array")),
    *(f"os.{name}" for name in ("write", "pwrite", "writev", "sendfile", "system", "popen", "memfd_create", "mkfifo")),
    *(f"os.{name}" for name in ("execv", "execve", "fork", "rename", "mkdir", "setxattr", "splice")),
    *("eval", "exec", "compile", "__import__", "print", "importlib.import_module", "sys.stdout.write"),
}
SINK_METHODS: Final = {
    *("tofile", "write_bytes", "write_text", "dump", "sendto", "sendall", "send", "writelines", "publish", "imwrite"),
}
SINK_MODULES: Final = {
    *("socket", "ssl", "http", "urllib", "requests", "paho", "asyncio", "subprocess", "multiprocessing", "pickle"),
    *("shelve", "sqlite3", "logging", "tempfile", "shutil", "ctypes", "marshal", "dbm", "smtplib", "ftplib", "csv"),
    *("socketserver", "xmlrpc", "syslog", "webbrowser", "zipfile", "tarfile"),
}
OPENERS: Final = {"open", "io.open", "os.open", "codecs.open", "os.fdopen"}
EXPECTED: Final = {
    # the seal speaks to the kernel, and attacks itself
    **{f"sense/lock/{name}.py": {"import ctypes"} for name in ("kernel", "seccomp", "landlock", "memory", "selftest")},
    "sense/lock/seal.py": {"os.execv"},  # starts itself again with the right environment, before anything is open
    "sense/lock/holdings.py": {"os.open() to write"},  # /dev/null in place of standard output
    "sense/room.py": {"os.write", ".send()"},  # the door
    "sense/sources/camera.py": {"importlib.import_module"},  # picamera2, where it is installed
}
"""Ways out that are there for a reason. Whoever adds one has to say why, here."""
HOLDERS: Final = {"Frame", "FrameResult", "Seen", "Tracks", "Positions", "Detections"}
"""Types that carry pixels or people; only `sense`, and tools that measure accuracy, may name them."""


def ways_out(text: str) -> Iterator[tuple[int, str]]:
    """(line, what) of every way out that a module names, under whatever name it goes there."""
    tree = ast.parse(text)
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for a in node.names:
                names[a.asname or a.name.split(".")[0]] = a.name if a.asname else a.name.split(".")[0]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.update({a.asname or a.name: f"{node.module}.{a.name}" for a in node.names})
    changed = True
    while changed:  # other names given by assignment: keep = numpy.save
        changed = False
        for node in ast.walk(tree):
            if isinstance(node, ast.Assign) and (full := _full(node.value, names)):
                for target in node.targets:
                    if isinstance(target, ast.Name) and target.id not in names and _is_sink(full):
                        names[target.id] = full
                        changed = True
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            modules = [a.name for a in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            yield from ((node.lineno, f"import {m}") for m in modules if m.split(".")[0] in SINK_MODULES)
        if isinstance(node, ast.Attribute | ast.Name) and _is_sink(full := _full(node, names) or ""):
            yield node.lineno, full
        if isinstance(node, ast.Call):
            yield from ((node.lineno, what) for what in _call(node, names))


def _is_sink(full: str) -> bool:
    return full in SINK_CALLS


def _call(node: ast.Call, names: dict[str, str]) -> Iterator[str]:
    full = _full(node.func, names) or ""
    method = node.func.attr if isinstance(node.func, ast.Attribute) else ""
    if method in SINK_METHODS:
        yield f".{method}()"
    if full == "getattr" and not (len(node.args) > 1 and isinstance(node.args[1], ast.Constant)):
        owner = _full(node.args[0], names) if node.args else None
        if owner in ("cv2", "numpy", "os", "sys", "builtins", "io"):
            yield f"getattr({owner}, ...)"
    elif full == "getattr" and (owner := _full(node.args[0], names)):
        constant = node.args[1]
        if isinstance(constant, ast.Constant) and _is_sink(f"{owner}.{constant.value}"):
            yield f"{owner}.{constant.value}"
    if full in OPENERS or method == "open":
        values = [*node.args, *(k.value for k in node.keywords)]
        text = " ".join(ast.unparse(v) for v in values)
        modes = [v.value for v in values if isinstance(v, ast.Constant) and isinstance(v.value, str)]
        if any(set(m) <= set("rwxabt+") and set(m) & set("wax+") for m in modes) or any(
            flag in text for flag in ("O_WRONLY", "O_RDWR", "O_CREAT", "O_APPEND")
        ):
            yield f"{full or '.open'}() to write"


def _full(node: ast.expr, names: dict[str, str]) -> str | None:
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return None
    return ".".join([names.get(node.id, node.id), *reversed(parts)])


def test_the_sealed_room_names_no_way_out_but_the_door() -> None:
    found = {}
    for path in sorted((ROOT / "sense").rglob("*.py")):
        name = str(path.relative_to(ROOT))
        ways = {what for _, what in ways_out(path.read_text())}
        if ways:
            found[name] = ways
    assert found == EXPECTED


@pytest.mark.parametrize(
    "leak",
    [
        "import numpy as np\nnp.save('x', frame)",
        "from numpy import save as keep\nkeep('x', frame)",
        "import numpy\nkeep = numpy.save\nkeep('x', frame)",
        "import numpy\na = numpy.save\nb = a\nb('x', frame)",
        "frame.image.tofile('x')",
        "import cv2 as c\nc.imwrite('x.png', frame)",
        "import cv2\ngetattr(cv2, 'im' + 'write')('x', frame)",
        "import cv2\ngetattr(cv2, 'imwrite')('x', frame)",
        "from cv2 import VideoWriter as V\nV('x')",
        "open('x', 'wb').write(frame)",
        "open('x', mode='ab')",
        "from pathlib import Path\nPath('x').open('wb')",
        "from pathlib import Path\nPath('x').write_bytes(frame)",
        "import os\nos.open('x', os.O_RDWR)",
        "from os import write as w\nw(1, frame)",
        "import os\nos.memfd_create('x')",
        "import socket",
        "from urllib import request",
        "import logging\nlogging.info(tracks)",
        "import pickle",
        "import importlib\nimportlib.import_module('soc' + 'ket')",
        "__import__('socket')",
        "print(positions)",
        "import sys as s\ns.stdout.write(str(tracks))",
        "exec('import socket')",
        "from multiprocessing import shared_memory",
        "import json\njson.dump(tracks, f)",
        "import numpy as np\nlist(map(np.save, names, frames))",
    ],
)
def test_planted_leaks_are_found(leak: str) -> None:
    assert list(ways_out(leak))


def test_nothing_outside_sense_names_what_holds_pixels_or_people() -> None:
    inside = ("sense/", "sample/")
    for path in sorted(ROOT.rglob("*.py")):
        name = str(path.relative_to(ROOT))
        if name.startswith(inside):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("drukte.sense"):
                assert not HOLDERS & {a.name for a in node.names}, f"{name}:{node.lineno}"
