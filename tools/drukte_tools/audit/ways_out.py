"""Reads code without running it, and names every way out of a process that the code mentions, under whatever name.

A second opinion besides the kernel's seal. It goes by mention, not by call: whoever takes hold of `os.write`, hands it
on, keeps it under another name or puts it into a table has mentioned it. Of modules that are full of ways out (`os`,
`sys`, `io`, `cv2`, ...) only what is known to be harmless may be mentioned, and they may not be handed on themselves;
of all others, only those known may be imported at all. What can be reached by a name that is made up at run time is
named as such. It reads names, not values: two pieces of code that trust each other's objects can still deceive it,
and code in other languages is not read.
"""

import ast
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

Names = dict[str, set[str]]
"""Name in a module -> everything it may stand for: `np` -> {`numpy`}."""

MODULES: Final = {
    *("__future__", "abc", "bisect", "collections", "contextlib", "dataclasses", "datetime", "enum", "errno"),
    *("functools", "gc", "hashlib", "heapq", "io", "itertools", "math", "numpy", "os", "pathlib", "platform", "re"),
    *("resource", "scipy", "select", "stat", "statistics", "string", "struct", "sys", "threading", "time", "types"),
    *("typing", "unicodedata", "zlib", "zoneinfo", "cv2", "onnxruntime", "drukte", "pydantic", "pydantic_core", "yaml"),
    "difflib",
}
"""What may be imported. Anything else is a way out until somebody has said why not."""
_NUMPY: Final = "save|savez|savez_compressed|savetxt|memmap|lib|DataSource|ctypeslib|f2py|testing|distutils|core"
HARMLESS: Final = {
    "os": r"path(\..*)?|environ(\..*)?|getenv|O_[A-Z]+|open|close|read|readv|pread|fstat|stat|listdir|scandir|strerror"
    r"|sched_getaffinity|cpu_count|getpid|getuid|geteuid|set_blocking|get_blocking|PathLike|fspath|fsencode|sep|uname"
    r"|devnull|access|[RWXF]_OK|waitid|P_ALL|W[A-Z]+|SEEK_[A-Z]+|stat_result|urandom|error",
    "sys": r"executable|prefix|base_prefix|path|argv|orig_argv|version_info|platform|maxsize|byteorder|float_info",
    "io": r"TextIOBase|BytesIO|StringIO|SEEK_[A-Z]+|open|BufferedReader|BufferedIOBase|RawIOBase",
    "cv2": r"[A-Z][A-Z0-9_]+|resize|createHanningWindow|accumulateWeighted|approxPolyDP|cvtColor|Sobel|magnitude|blur"
    r"|mulSpectrums|Laplacian|calcHist|meanStdDev|mean|moments|multiply|subtract"
    r"|dft|VideoCapture|imdecode|setNumThreads|remap|warpPerspective|undistortPoints|error",
    "numpy": rf"(?!({_NUMPY}|_\w+)(\.|$)).*",
    "onnxruntime": r"InferenceSession|SessionOptions|GraphOptimizationLevel.*|ExecutionMode.*|OrtValue"
    r"|disable_telemetry_events|get_available_providers|set_default_logger_severity",
    "scipy": r"(spatial|sparse|optimize|special|linalg|ndimage|stats|interpolate)(\.(?!io).*)?",
    "gc": r"collect|disable|enable|freeze",
    "types": r"TracebackType|MappingProxyType|SimpleNamespace",
}
"""Of these modules only this may be mentioned; of the other modules everything but modules inside them."""
METHODS: Final = {
    *("tofile", "dump", "dumps", "write", "writelines", "write_bytes", "write_text", "send", "sendto", "sendall"),
    *("sendmsg", "sendfile", "publish", "imwrite", "imencode", "imshow", "save", "savez", "savetxt", "touch", "mkdir"),
    *("makedirs", "rename", "renames", "symlink_to", "hardlink_to", "link_to", "unlink", "rmdir", "chmod", "setxattr"),
    *("system", "popen", "fork", "forkpty", "posix_spawn", "posix_spawnp", "memfd_create", "mkfifo", "mknod"),
    *("shm_open", "connect", "FileIO", "FileStorage", "VideoWriter", "memmap", "end_profiling", "enable_profiling"),
    *("optimized_model_filepath", "profile_file_prefix", "SharedMemory", "showwarning", "print_exc", "print_stack"),
    *("copy_into", "move_into", "move", "dup2", "splice", "pwrite", "writev", "pwritev", "execv", "execve", "execvp"),
}
"""Names that are ways out whatever they are taken from."""
BACK_DOORS: Final = {
    *("__dict__", "__globals__", "__builtins__", "__subclasses__", "__getattribute__", "__class__", "__mro__"),
    *("__bases__", "__base__", "__loader__", "__spec__", "__code__", "__closure__", "__func__", "__self__"),
    *("__import__", "__reduce__", "__reduce_ex__", "__module__", "f_globals", "f_locals", "f_builtins", "tb_frame"),
}
"""Attributes through which anything can be reached."""
BUILTINS: Final = {
    *("eval", "exec", "compile", "__import__", "print", "input", "breakpoint", "vars", "globals", "locals"),
    *("__builtins__", "__loader__", "__spec__"),
}
_INSIDE: Final = MODULES - HARMLESS.keys() | {"array", "trace", "site", "random", "signal"}
"""Names of standard modules that are fine inside others, or mean something else there."""
_READING: Final = {"O_RDONLY", "O_PATH", "O_CLOEXEC", "O_DIRECTORY", "O_NONBLOCK", "O_NOFOLLOW", "O_NOCTTY"}


class Module:
    """One module's code, and what its names stand for."""

    def __init__(self, text: str) -> None:
        self.tree = ast.parse(text)
        self.names: Names = {}
        self.modules: set[str] = set()  # names that stand for a module as a whole
        self.parents: dict[ast.AST, ast.AST] = {}
        for node in ast.walk(self.tree):
            self.parents.update((child, node) for child in ast.iter_child_nodes(node))
            if isinstance(node, ast.Import):
                for a in node.names:
                    name = a.asname or a.name.partition(".")[0]
                    self.names.setdefault(name, set()).add(a.name if a.asname else name)
                    self.modules.add(name)
            elif isinstance(node, ast.ImportFrom):
                for a in node.names:
                    full = "." * node.level + f"{node.module or ''}.{a.name}"
                    self.names.setdefault(a.asname or a.name, set()).add(full)

    def meanings(self, node: ast.AST) -> set[str]:
        """What an expression like `np.save` may stand for, in full: {`numpy.save`}. Empty if it is no such name."""
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.insert(0, node.attr)
            node = node.value
        if not isinstance(node, ast.Name):
            return set()
        return {".".join([full, *parts]) for full in self.names.get(node.id, {node.id})}

    def imported(self, node: ast.AST) -> bool:
        """Whether the name at the bottom of `a.b.c` was imported here."""
        while isinstance(node, ast.Attribute):
            node = node.value
        return isinstance(node, ast.Name) and node.id in self.names

    def called(self, node: ast.AST) -> bool:
        """Whether an expression is what a call calls, not something that is handed on."""
        parent = self.parents.get(node)
        return isinstance(parent, ast.Call) and parent.func is node


def imports(_module: Module, node: ast.AST) -> Iterator[str]:
    """Modules that are not known to be harmless, also those that hide inside others."""
    if isinstance(node, ast.Import):
        yield from (f"import {a.name}" for a in node.names if a.name.partition(".")[0] not in MODULES)
    elif isinstance(node, ast.ImportFrom) and not node.level:
        if (node.module or "").partition(".")[0] not in MODULES:
            yield f"import {node.module}"
        yield from (f"everything of {node.module}" for a in node.names if a.name == "*")


def mentions(module: Module, node: ast.AST) -> Iterator[str]:
    """What is not known to be harmless in a module that has ways out; modules reached through other modules."""
    if isinstance(node, ast.ImportFrom):
        fulls = {f"{node.module}.{a.name}" for a in node.names if not node.level and a.name != "*"}
    elif isinstance(node, ast.Import):
        fulls = {a.name for a in node.names}
    elif isinstance(node, ast.Attribute | ast.Name) and not isinstance(module.parents.get(node), ast.Attribute):
        fulls = module.meanings(node) if module.imported(node) else set()
    else:
        return
    for full in fulls:
        root, *rest = full.split(".")
        strange = bool(rest) and root in HARMLESS and not re.fullmatch(HARMLESS[root], ".".join(rest))
        if root in MODULES and (strange or any(part in sys.stdlib_module_names - _INSIDE for part in rest)):
            yield full


def handed_on(module: Module, node: ast.AST) -> Iterator[str]:
    """A whole module given another name or passed to somebody else, who can then take anything from it."""
    if isinstance(node, ast.Name) and node.id in module.modules:
        whole = module.names[node.id]
    elif isinstance(node, ast.Attribute) and module.imported(node):
        whole = {full for full in module.meanings(node) if full in HARMLESS}
    else:
        return
    if not isinstance(module.parents.get(node), ast.Attribute):
        yield from (f"{full} handed on" for full in whole)


def methods(_module: Module, node: ast.AST) -> Iterator[str]:
    """Names that are ways out on anything, mentioned or asked for by `getattr`."""
    if isinstance(node, ast.Attribute) and node.attr in METHODS:
        yield f".{node.attr}"
    for name, _ in _asked_for(node):
        if isinstance(name, str) and (name in METHODS | BACK_DOORS or name == "open"):
            yield f".{name}"


def moved(module: Module, node: ast.AST) -> Iterator[str]:
    """`Path.replace` and `Path.copy`, told from those of strings and arrays by what they are given."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and not node.keywords and node.args:
        one = len(node.args) == 1 and not module.imported(node.func)
        if one and (node.func.attr == "replace" or (node.func.attr == "copy" and not _constant(node.args[0]))):
            yield f".{node.func.attr}"


def dynamic(module: Module, node: ast.AST) -> Iterator[str]:
    """Attributes by a name that is made up at run time; built-ins that run text or hand out everything."""
    yield from (f"{word} by a name made up" for name, word in _asked_for(node) if name is None)
    if isinstance(node, ast.Name) and node.id in ("getattr", "setattr") and not module.called(node):
        yield f"{node.id} handed on"
    if isinstance(node, ast.Name) and node.id in BUILTINS and node.id not in module.names:
        yield node.id
    if isinstance(node, ast.Attribute) and node.attr in BACK_DOORS:
        yield f".{node.attr}"


def spoken(module: Module, node: ast.AST) -> Iterator[str]:
    """The end of the program with a text, which Python prints."""
    ends = isinstance(node, ast.Call) and module.meanings(node.func) & {"SystemExit", "exit", "quit"}
    if isinstance(node, ast.Call) and ends and node.args and not _constant(node.args[0], int):
        yield "SystemExit with a text"
    if isinstance(node, ast.Assert) and node.msg is not None and not _constant(node.msg):
        yield "assert with a text made up"


def openings(module: Module, node: ast.AST) -> Iterator[str]:
    """Files opened for anything but reading, or in a way that cannot be told; `open` handed on."""
    if not isinstance(node, ast.Attribute | ast.Name):
        return
    fulls = module.meanings(node)
    builtin = bool(fulls & {"open", "io.open"}) and (not isinstance(node, ast.Name) or isinstance(node.ctx, ast.Load))
    system = "os.open" in fulls
    method = isinstance(node, ast.Attribute) and node.attr == "open" and not builtin and not system
    if not (builtin or system or method):
        return
    if not module.called(node):
        yield "open handed on"
        return
    call = module.parents[node]
    assert isinstance(call, ast.Call)  # noqa: S101 - `called` says so
    place = 0 if method else 1
    if any(isinstance(a, ast.Starred) for a in call.args) or any(k.arg in (None, "opener") for k in call.keywords):
        yield "open in a way that cannot be told"
        return
    wanted = "flags" if system else "mode"
    given = [*call.args[place : place + 1], *(k.value for k in call.keywords if k.arg == wanted)]
    if not all(_reads(module, value, system) for value in given) or (system and not given):
        yield "open to write"


RULES: Final = (imports, mentions, handed_on, methods, moved, dynamic, spoken, openings)
Rule = Callable[[Module, ast.AST], Iterator[str]]


def ways_out(text: str, rules: tuple[Rule, ...] = RULES) -> list[tuple[int, str]]:
    """(line, what) of every way out that a module's code mentions, in the order of lines.

    Raises:
        SyntaxError: it is no Python.
    """
    module = Module(text)
    found = {
        (getattr(node, "lineno", 0), what)
        for node in ast.walk(module.tree)
        for rule in rules
        for what in rule(module, node)
    }
    return sorted(found)


def runs(root: Path, start: str) -> set[Path]:
    """Files of the package in `root` that a module runs: what it imports, at its top or later, and what that imports.

    Args:
        root: folder of the package.
        start: the module's file, relative to it.
    """
    found: set[Path] = set()
    todo = [root / start]
    while todo:
        path = todo.pop()
        if path in found or not path.is_file():
            continue
        found.add(path)
        here = path.parent
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names = [a.name for a in node.names]
            elif isinstance(node, ast.ImportFrom):
                base = [root.name, *here.relative_to(root).parts][: None if node.level < 2 else 1 - node.level]
                before = ".".join(base) + "." if node.level else ""
                stem = (before + (node.module or "")).rstrip(".")
                names = [stem, *(f"{stem}.{a.name}" for a in node.names)]
            else:
                continue
            for name in names:
                first, *rest = name.split(".")
                if first == root.name:
                    # importing a module also runs the packages that it lies in
                    todo += [root.joinpath(*rest[:i], "__init__.py") for i in range(len(rest) + 1)]
                    todo.append(root.joinpath(*rest).with_suffix(".py") if rest else root / "__init__.py")
    return found


def _asked_for(node: ast.AST) -> Iterator[tuple[str | None, str]]:
    """Names that `getattr` or `setattr` is given, None for one that is made up.

    A made-up name on `self` is let through: an object of our own has no ways out but those it mentions.
    """
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("getattr", "setattr")):
        return
    name = node.args[1] if len(node.args) > 1 else None
    if isinstance(name, ast.Constant) and isinstance(name.value, str):
        yield name.value, node.func.id
    elif not (node.args and isinstance(node.args[0], ast.Name) and node.args[0].id == "self" and name is not None):
        yield None, node.func.id


def _constant(node: ast.AST, kind: type = object) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, kind)


def _reads(module: Module, mode: ast.AST, flags: bool) -> bool:
    """Whether a mode, or flags of `os.open`, are known from the code and only read."""
    if isinstance(mode, ast.BinOp) and flags:
        return isinstance(mode.op, ast.BitOr) and all(_reads(module, side, True) for side in (mode.left, mode.right))
    if isinstance(mode, ast.Constant):
        return mode.value == 0 if flags else isinstance(mode.value, str) and not set(mode.value) & set("wax+")
    meanings = module.meanings(mode)
    return flags and bool(meanings) and all(m.startswith("os.") and m[3:] in _READING for m in meanings)
