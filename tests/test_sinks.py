"""Pixels, echoes, positions and tracks have no way out of `sense` in the code itself: who names a way out, is named.

The reading is done by `drukte_tools.audit.ways_out`; here is what it finds and why that may be there, a list of leaks
that it has to name, and one of harmless code that it has to let pass.
"""

import ast
from pathlib import Path
from typing import Final

import pytest

import drukte
from drukte_tools.audit.ways_out import RULES, Rule, runs, ways_out

ROOT: Final = Path(drukte.__file__).parent
_CRYPTOGRAPHY: Final = "cryptography.hazmat.primitives"
MADE_UP: Final = "getattr by a name made up"
EXPECTED: Final[dict[str, set[str]]] = {
    # the seal speaks to the kernel, and attacks itself
    **{f"sense/lock/{name}.py": {"import ctypes"} for name in ("kernel", "seccomp", "landlock", "memory", "selftest")},
    "sense/lock/seal.py": {"os.execv", ".execv"},  # starts itself again with the right environment, before all else
    # looks through the descriptors; /dev/null in place of standard input, output and error
    "sense/lock/holdings.py": {
        *("import fcntl", "open to write", "os.dup2", ".dup2", "sys.stdin", "sys.stdout", "sys.stderr"),
    },
    "sense/process.py": {
        "sys.stderr.write",
        ".write",
        "sys.stderr.flush",
        MADE_UP,
    },  # to the technician, before the seal
    "sense/room.py": {"os.write", ".write", ".send"},  # the door
    "sense/lock/deadman.py": {"os._exit"},  # ends a room that no longer reduces frames
    "sense/frame.py": {"import mmap"},  # pages of no file, left out of core dumps
    **{f"sense/sources/{name}.py": {"import mmap"} for name in ("radar_framing", "radar_ld2450", "radar_ti")},  # types
    "sense/sources/camera.py": {"import importlib"},  # picamera2, where it is installed
    "sense/sources/radar_port.py": {"import serial"},
    "sense/sources/radar_ld2450_setup.py": {".write"},  # its configuration, to the radar, before the seal
    "sense/sources/radar_ti_cli.py": {".write"},
    "sense/tracking/track.py": {MADE_UP, "vars"},  # its columns
    "summary.py": {MADE_UP},  # the record's fields
    "config/base.py": {MADE_UP},
    "config/ground.py": {MADE_UP},
    "config/calibration_files.py": {"import xml.etree.ElementTree"},
    "models/manifest.py": {"import importlib", MADE_UP},  # the list of models lies in the package
    "indicator/hold.py": {"import fcntl"},  # asks for the light before the camera opens
    # signatures are checked before the seal; the same files also make keys and signatures, for commands of their own
    "settings/files.py": {MADE_UP},
    "settings/record.py": {"import json", ".dumps"},
    "settings/sheet.py": {"import json", ".dumps", f"import {_CRYPTOGRAPHY}.asymmetric.ed25519"},
    "signing.py": {
        *("import base64", "open to write", "os.fdopen", ".write", "import cryptography.exceptions"),
        *(f"import {_CRYPTOGRAPHY}.{name}" for name in ("asymmetric.ed25519", "serialization")),
    },
}
"""Ways out that are there for a reason. Whoever adds one has to say why, here."""
HOLDERS: Final = {"Frame", "FrameResult", "Seen", "Tracks", "Positions", "Detections"}
"""Types that carry pixels or people; only `sense`, and tools that measure accuracy, may name them."""

LEAKS: Final = {
    # modes: for the mode, whatever the file's name
    "open('x', 'wb')": "open to write",
    "open('read me', 'a')": "open to write",
    "open('r', 'r+b')": "open to write",
    "open('r', mode='x')": "open to write",
    "open('r', m)": "open to write",
    "open('r', 'w' if late else 'r')": "open to write",
    "open('r', 'rb', opener=o)": "open in a way that cannot be told",
    "open(*both)": "open in a way that cannot be told",
    "open('r', **how)": "open in a way that cannot be told",
    "import io\nio.open('r', 'wb')": "open to write",
    "from io import open as o\no('r', 'wb')": "open to write",
    "from pathlib import Path\nPath('r').open('wb')": "open to write",
    "from pathlib import Path\nPath('r').open(mode=m)": "open to write",
    "from pathlib import Path\nPath.open(Path('r'), 'wb')": "open to write",
    "import os\nos.open('r', os.O_RDWR)": "open to write",
    "import os\nos.open('r', os.O_RDONLY | os.O_CREAT)": "open to write",
    "import os\nos.open('r', 577)": "open to write",
    "import os\nos.open('r', flags)": "open to write",
    "import os\nos.open('r', flags=os.O_WRONLY)": "open to write",
    # open under other names
    "o = open\no('r', 'wb')": "open handed on",
    "import io\no = io.open": "open handed on",
    "import os\nos_open, n = os.open, 1": "open handed on",
    "from pathlib import Path\no = Path('r').open\no('wb')": "open handed on",
    "list(map(open, names, modes))": "open handed on",
    "open.__call__('r', 'wb')": "open handed on",
    "getattr(path, 'open')('wb')": ".open",
    "import codecs\ncodecs.open('r', 'w')": "import codecs",
    # other ways into a file
    "import io\nio.FileIO('x', 'w')": "io.FileIO",
    "from io import FileIO as F\nF('x', 'w')": "io.FileIO",
    "import os\nos.fdopen(1, 'wb')": "os.fdopen",
    "from pathlib import Path\nPath('x').write_bytes(frame)": ".write_bytes",
    "from pathlib import Path\nPath('x' + name).touch()": ".touch",
    "from pathlib import Path\nPath('x').rename(name)": ".rename",
    "from pathlib import Path\nPath('x').replace(name)": ".replace",
    "from pathlib import Path\nPath('x').copy(name)": ".copy",
    "import mmap": "import mmap",
    "import cv2 as c\nc.imwrite('x.png', frame)": "cv2.imwrite",
    "from cv2 import VideoWriter as V\nV('x')": "cv2.VideoWriter",
    "import cv2\ncv2.FileStorage('x', 1)": "cv2.FileStorage",
    "import cv2\ncv2.imencode('.png', frame)": "cv2.imencode",
    "import cv2\nw = cv2.ml": "cv2.ml",
    "import cv2\nwriters = {'w': cv2.imwritemulti}": "cv2.imwritemulti",
    "import numpy as np\nnp.save('x', frame)": "numpy.save",
    "from numpy import save as keep\nkeep('x', frame)": "numpy.save",
    "import numpy\na = numpy.savez\nb = a\nb('x', frame)": "numpy.savez",
    "import numpy as np\nlist(map(np.savetxt, names, frames))": "numpy.savetxt",
    "import numpy as np\nnp.memmap('x', mode='w+')": "numpy.memmap",
    "import numpy as np\nnp.lib.format.write_array(f, frame)": "numpy.lib.format.write_array",
    "from scipy import io\nio.savemat('x', {})": "scipy.io",
    "import scipy.io.wavfile": "scipy.io.wavfile",
    "import onnxruntime as o\no.SessionOptions().enable_profiling = True": ".enable_profiling",
    "options.optimized_model_filepath = name": ".optimized_model_filepath",
    # bound methods, kept or asked for
    "frame.image.tofile('x')": ".tofile",
    "w = frame.tofile\nw('x')": ".tofile",
    "frame.dump('x')": ".dump",
    "kept = frame.dumps()": ".dumps",
    "ways = [f.write for f in files]": ".write",
    "getattr(frame, 'tofile')('x')": ".tofile",
    "getattr(frame, 'to' + 'file')('x')": MADE_UP,
    "setattr(options, 'enable_profiling', True)": ".enable_profiling",
    "g = getattr\ng(frame, 'tofile')('x')": "getattr handed on",
    "from operator import attrgetter\nattrgetter('tofile')(frame)('x')": "import operator",
    "from operator import methodcaller": "import operator",
    "vars(frame)['tofile']('x')": "vars",
    "type(frame).__dict__['tofile'](frame, 'x')": ".__dict__",
    "frame.__class__.tofile": ".__class__",
    "frame.__getattribute__('tofile')('x')": ".__getattribute__",
    "().__class__.__base__.__subclasses__()": ".__subclasses__",
    "honest.__globals__['os']": ".__globals__",
    "globals()['o' + 'pen']": "globals",
    "import json\njson.dump(tracks, f)": "import json",
    # the system
    "from os import write as w\nw(1, frame)": "os.write",
    "import os\nw = os.pwrite": "os.pwrite",
    "import os\nos.memfd_create('x')": "os.memfd_create",
    "import os\nos.sendfile(1, 2, 0, 64)": "os.sendfile",
    "import os\nos.posix_spawn('/bin/sh', [], {})": "os.posix_spawn",
    "import os\nos.execvpe('sh', [], {})": "os.execvpe",
    "import os\nos.fork()": "os.fork",
    "import os\nos.mkdir(name)": "os.mkdir",
    "import posix\nposix.write(1, frame)": "import posix",
    "import os\no = os\no.write(1, frame)": "os handed on",
    "import os\nsend(os)": "os handed on",
    "import os as o\n[o][0].write(1, frame)": "os handed on",
    "import os, sys\nsys.modules['os']": "sys.modules",
    "import pathlib\npathlib.os.write(1, frame)": "pathlib.os.write",
    "from pathlib import os as o\no.write(1, frame)": "pathlib.os",
    "import drukte.frame\no = drukte.frame.os": "drukte.frame.os",
    "import enum\ns = enum.sys.stderr": "enum.sys.stderr",
    "import gc\ngc.get_objects()": "gc.get_objects",
    "from types import FunctionType": "types.FunctionType",
    "if x:\n    import os\nelse:\n    import math as os\nos.write(1, frame)": "os.write",
    # words: standard output and error, warnings, logs
    "print(positions)": "print",
    "import sys as s\ns.stdout.write(str(tracks))": "sys.stdout.write",
    "import sys\nsys.stderr.write(str(tracks))": "sys.stderr.write",
    "import sys\nsys.__stderr__.write(str(tracks))": "sys.__stderr__.write",
    "from sys import stderr\nprint_to(stderr)": "sys.stderr",
    "import sys\nsys.exit(str(tracks))": "sys.exit",
    "raise SystemExit(str(tracks))": "SystemExit with a text",
    "assert False, tracks": "assert with a text made up",
    "import warnings\nwarnings.warn(str(tracks))": "import warnings",
    "import logging\nlogging.info(tracks)": "import logging",
    "from logging import getLogger": "import logging",
    "import syslog": "import syslog",
    "import traceback": "import traceback",
    "input(tracks)": "input",
    # networks, other processes, shared memory
    "import socket": "import socket",
    "from urllib import request": "import urllib",
    "import subprocess": "import subprocess",
    "from multiprocessing import shared_memory": "import multiprocessing",
    "from multiprocessing.shared_memory import SharedMemory": "import multiprocessing.shared_memory",
    "import _posixshmem": "import _posixshmem",
    "shm.SharedMemory('x')": ".SharedMemory",
    "import ctypes": "import ctypes",
    "import pickle": "import pickle",
    "import some_library": "import some_library",
    "door.sendall(frame)": ".sendall",
    # code that is made up
    "import importlib\nimportlib.import_module('soc' + 'ket')": "import importlib",
    "__import__('socket')": "__import__",
    "exec('import socket')": "exec",
    "run = eval": "eval",
    "__builtins__['open']('r', 'wb')": "__builtins__",
    "from os import *": "everything of os",
}  # fmt: skip
INNOCENT: Final = [
    "open('wax')",
    "open('w')",
    "open('wb', 'rb')",
    "open('x', mode='rt', encoding='utf-8')",
    "from pathlib import Path\nPath('write').open()",
    "from pathlib import Path\nPath('a').open('rb', buffering=0).read()",
    "import os\nos.close(os.open('/w', os.O_RDONLY | os.O_CLOEXEC))",
    "from os import O_PATH, open as o\no('/', O_PATH)",
    "import os\nn = os.read(0, 64) + os.path.join('a', 'b').encode()",
    "import numpy as np\nnp.random.default_rng(1).integers(0, 9, 3).copy()",
    "import numpy as np\nnp.array([1]).trace().copy('C')",
    "import cv2\nsmall = cv2.resize(picture, (1, 1), interpolation=cv2.INTER_LINEAR)",
    "text = 'open to write'.replace('open', 'shut')",
    "import dataclasses\nr = dataclasses.replace(record, seq=1)",
    "from dataclasses import replace\nr = replace(record)",
    "class A:\n    def at(self, name):\n        return getattr(self, name)",
    "path = getattr(settings, 'path', None)",
    "def write(what): ...",
    "from collections.abc import Callable\nimport collections.abc",
    "from .. import memory\nmemory.lock()",
    "raise SystemExit(2)",
    "raise ValueError('a text')",
    "assert x, 'a text'",
    "reopen = 3\nself_open = self._open()",
    "SYSCALLS = {'open': 2, 'write': 1, 'fork': 57}",
]


def test_the_sealed_room_names_no_way_out_but_the_door() -> None:
    found = {}
    for path in sorted(runs(ROOT, "sense/process.py") | {*(ROOT / "sense").rglob("*.py")}):
        if ways := {what for _, what in ways_out(path.read_text())}:
            found[str(path.relative_to(ROOT))] = ways
    assert found == EXPECTED


def test_all_that_the_sealed_room_runs_is_read(tmp_path: Path) -> None:
    ours = {str(path.relative_to(ROOT)) for path in runs(ROOT, "sense/process.py")}
    assert ours > {"sense/room.py", "sense/lock/kernel.py", "summary.py", "config/load.py", "models/store.py"}
    assert not any(path.startswith(("report/", "sample/")) for path in ours)
    for name, text in {
        "__init__.py": "",
        "a.py": "def f():\n    from pack.sub import b\n",
        "sub/__init__.py": "import pack.d\n",
        "sub/b.py": "from . import c\nfrom ..e import x\n",
        "sub/c.py": "",
        "d.py": "import os\n",
        "e.py": "x = 1\n",
        "other.py": "",
    }.items():
        (tmp_path / "pack" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "pack" / name).write_text(text)
    found = {str(path.relative_to(tmp_path / "pack")) for path in runs(tmp_path / "pack", "a.py")}
    assert found == {"__init__.py", "a.py", "sub/__init__.py", "sub/b.py", "sub/c.py", "d.py", "e.py"}


@pytest.mark.parametrize(("leak", "named"), LEAKS.items(), ids=range(len(LEAKS)))
def test_planted_leaks_are_named(leak: str, named: str) -> None:
    assert named in {what for _, what in ways_out(leak)}


@pytest.mark.parametrize("code", INNOCENT)
def test_harmless_code_is_let_through(code: str) -> None:
    assert ways_out(code) == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_every_rule_is_needed(rule: Rule) -> None:
    """Without it at least one of the leaks above would go by unseen."""
    rest = tuple(r for r in RULES if r is not rule)
    assert any(not ways_out(leak, rest) for leak in LEAKS)


def test_a_leak_in_the_middle_of_the_loop_is_named_with_its_line() -> None:
    """In the real code, not in a made line."""
    text = (ROOT / "sense" / "camera_sight.py").read_text()
    rows = text.splitlines()
    at = next(i for i, row in enumerate(rows) if "self._pipeline.step(" in row)
    indent = rows[at][: len(rows[at]) - len(rows[at].lstrip())]
    planted = [*rows[:at], f"{indent}keep = self._frame.image.tofile", *rows[at:]]
    assert ways_out(text) == []
    assert ways_out("\n".join(planted)) == [(at + 1, ".tofile")]


def test_nothing_outside_sense_names_what_holds_pixels_or_people() -> None:
    inside = ("sense/", "sample/")
    for path in sorted(ROOT.rglob("*.py")):
        name = str(path.relative_to(ROOT))
        if name.startswith(inside):
            continue
        for line, what in holders(path.read_text()):
            raise AssertionError(f"{name}:{line}: {what}")


def holders(text: str) -> list[tuple[int, str]]:
    """(line, what) where a module takes something out of `sense` that holds pixels or people, or all of it."""
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("drukte.sense"):
            found += [(node.lineno, a.name) for a in node.names if a.name in HOLDERS | {"*", "frame", "people"}]
        elif isinstance(node, ast.Import):
            found += [(node.lineno, a.name) for a in node.names if a.name.startswith("drukte.sense")]
        elif isinstance(node, ast.ImportFrom) and node.module == "drukte":
            found += [(node.lineno, a.name) for a in node.names if a.name == "sense"]
        elif isinstance(node, ast.Attribute) and node.attr in HOLDERS:
            found.append((node.lineno, node.attr))
    return found


@pytest.mark.parametrize(
    "code",
    [
        "from drukte.sense.frame import Frame",
        "from drukte.sense.result import FrameResult as R",
        "from drukte.sense import frame",
        "from drukte.sense.people import *",
        "import drukte.sense.frame as f",
        "from drukte import sense",
        "x = y.Tracks",
    ],
)
def test_naming_a_holder_is_seen(code: str) -> None:
    assert holders(code)
    assert not holders("from drukte.sense.process import main as sense_main")
