"""Which code the promise rests on, and how long it is."""

import ast
import io
import tokenize
from pathlib import Path
from typing import Final

import drukte

SCOPE: Final = {
    "the door": ["summary.py", "capacity.py"],
    "start-up and loop": ["sense/process.py", "sense/room.py", "sense/reduction/tick.py"],
    "the seal": [
        f"sense/lock/{name}.py"
        for name in ("kernel", "commands", "seccomp", "landlock", "memory", "holdings", "selftest", "seal", "liveness")
    ],
    "what handles pixels": [
        *(f"sense/{name}.py" for name in ("frame", "pipeline", "moved")),
        "sense/detect/yolox.py",
        *(f"sense/sources/{name}.py" for name in ("__init__", "base", "camera", "recorded", "canary")),
    ],
}


def code_lines(text: str) -> int:
    """Lines that hold code: not blank, not comments alone, not documentation."""
    tree = ast.parse(text)
    documentation: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            documentation.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    lines: set[int] = set()
    nothing = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in nothing:
            lines.update(range(token.start[0], token.end[0] + 1))
    return len(lines - documentation)


def measure() -> list[tuple[str, str, int, int]]:
    """(part, file, lines of code, all lines) of everything in scope."""
    root = Path(drukte.__file__).parent
    found = []
    for part, files in SCOPE.items():
        for name in files:
            text = (root / name).read_text(encoding="utf-8")
            found.append((part, name, code_lines(text), len(text.splitlines())))
    return found


def table() -> str:
    """The list for an auditor."""
    rows = measure()
    out = [f"{'code':>6}{'lines':>7}", *(f"{code:6}{lines:7}  {name}  ({part})" for part, name, code, lines in rows)]
    out.append(f"{sum(r[2] for r in rows):6}{sum(r[3] for r in rows):7}  lines an auditor must read")
    return "\n".join(out)
