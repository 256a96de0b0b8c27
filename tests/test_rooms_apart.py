"""Each room works where the other's libraries are not installed."""

import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent


def needed(extra: str) -> set[str]:
    """Names of the distributions that `drukte[extra]` brings, with all that they need themselves."""
    todo, found = [("drukte", extra)], set()
    while todo:
        name, wanted = todo.pop()
        found.add(name)
        for text in distribution(name).requires or []:
            requirement = Requirement(text)
            if requirement.marker and not requirement.marker.evaluate({"extra": wanted}):
                continue
            if requirement.name not in found:
                todo.append((requirement.name, ""))
    return found - {"drukte"}


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Path]]:
    """For each room a folder with just its libraries, as links to the installed ones."""
    made = {}
    for extra in ("sense", "report"):
        folder = tmp_path_factory.mktemp(extra)
        for name in needed(extra):
            for file in distribution(name).files or []:
                top = Path(file.parts[0])
                link = folder / top
                source = Path(str(distribution(name).locate_file(top)))
                if top.name not in ("..", "__pycache__") and source.exists() and not link.exists():
                    link.symlink_to(source)
        made[extra] = folder
    return made


def imported(folder: Path, code: str) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    environment["PYTHONPATH"] = f"{folder}:{ROOT / 'edge'}"
    base = Path(sys.base_prefix) / "bin" / "python3"
    return subprocess.run([base, "-S", "-c", code], env=environment, capture_output=True, text=True, check=False)


SENSE = "import drukte.sense.process, drukte.sense.room"
REPORT = "import drukte.report.start, drukte.report.watch"


@pytest.mark.parametrize(("room", "code"), [("sense", SENSE), ("report", REPORT)])
def test_a_room_needs_only_its_own_libraries(places: dict[str, Path], room: str, code: str) -> None:
    done = imported(places[room], code)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("room", "code", "lacks"),
    [("sense", REPORT, "paho"), ("report", SENSE.split(", ")[1].join(["import ", ""]), "numpy")],
)
def test_the_other_room_s_libraries_are_really_absent(
    places: dict[str, Path], room: str, code: str, lacks: str
) -> None:
    done = imported(places[room], code)
    assert done.returncode != 0
    assert f"No module named '{lacks}" in done.stderr
