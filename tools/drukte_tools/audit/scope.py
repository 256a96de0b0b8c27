"""Which code the promise rests on, how long it is, and which ways out of a process each file mentions."""

import ast
import io
import tokenize
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import drukte
from drukte_tools.audit.ways_out import ways_out

MOST: Final = 2500
"""Lines of code that an auditor of one kind of sensor has to read at most; a test holds it."""
SCOPE: Final = {
    "the door": ["summary.py", "capacity.py", "report/door.py"],
    "start-up and loop": [
        *(f"sense/{name}.py" for name in ("process", "room", "sight", "frame", "lock/deadman", "reduction/tick")),
        "indicator/hold.py",
    ],
    "the seal": [
        f"sense/lock/{name}.py"
        for name in ("kernel", "commands", "seccomp", "landlock", "memory", "holdings", "selftest", "seal")
    ],
    "pixels": [
        *(
            f"sense/{name}.py"
            for name in ("camera_sight", "lock/liveness", "pipeline", "condition", "edges", "moved", "detect/yolox")
        ),
        *(f"sense/sources/{name}.py" for name in ("__init__", "base", "camera")),
    ],
    "radar data": [
        *(f"sense/{name}.py" for name in ("radar_sight", "radar_pipeline")),
        *(f"sense/sources/radar{name}.py" for name in ("", "_port", "_reader", "_framing")),
    ],
    "TI radars": ["sense/sources/radar_ti.py", "sense/sources/radar_ti_parts.py"],
    "LD2450 and RD-03D": ["sense/sources/radar_ld2450.py"],
    "radars' set-up, before the seal": [
        f"sense/sources/radar_{name}.py" for name in ("open", "modules", "ti_cli", "ld2450_setup")
    ],
    "recordings, and the audit's own pictures": [
        f"sense/sources/{name}.py" for name in ("recorded", "canary", "radar_replay")
    ],
}
_ALWAYS: Final = ("the door", "start-up and loop", "the seal")
SETS: Final = {
    "camera": (*_ALWAYS, "pixels"),
    "TI radar": (*_ALWAYS, "radar data", "TI radars"),
    "LD2450 or RD-03D": (*_ALWAYS, "radar data", "LD2450 and RD-03D"),
}
"""What has to be read for each kind of sensor. The last two parts are listed and belong to none: set-up is over before
a frame is looked at, and no device plays recordings. Behind `pixels` and `radar data` the code knows positions only,
and whatever it does with them, the seal and the door stand around it."""


@dataclass(frozen=True)
class Row:
    """One file: which part it belongs to, its lines of code, all its lines, and the ways out that it mentions."""

    part: str
    file: str
    code: int
    lines: int
    ways: tuple[str, ...]


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


def measure(sensor: str | None = None) -> list[Row]:
    """Every file in scope, for one kind of sensor or for all."""
    root = Path(drukte.__file__).parent
    found = []
    for part, files in SCOPE.items():
        if sensor is not None and part not in SETS[sensor]:
            continue
        for name in files:
            text = (root / name).read_text(encoding="utf-8")
            ways = tuple(sorted({what for _, what in ways_out(text)}))
            found.append(Row(part, name, code_lines(text), len(text.splitlines()), ways))
    return found


def table() -> str:
    """The list for an auditor."""
    out = [f"{'code':>6}{'lines':>7}"]
    for row in measure():
        ways = f"; names: {', '.join(row.ways)}" if row.ways else ""
        out.append(f"{row.code:6}{row.lines:7}  {row.file}  ({row.part}{ways})")
    for sensor, parts in SETS.items():
        rows = measure(sensor)
        text = f"lines an auditor of a {sensor} must read: {', '.join(parts)}"
        out.append(f"{sum(r.code for r in rows):6}{sum(r.lines for r in rows):7}  {text}")
    return "\n".join(out)
