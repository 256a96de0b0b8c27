"""Installed files against the package's hashes."""

import hashlib
import shutil
from pathlib import Path

import pytest

from drukte.verify import SUMS, differences

VERSION = "0.1.0-1~deb12"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    release = tmp_path / "opt/drukte/releases" / VERSION
    for name, text in (("lib/a.py", "a"), ("lib/b.so", "b")):
        (release / name).parent.mkdir(parents=True, exist_ok=True)
        (release / name).write_text(text)
    (release / "bin").mkdir()
    (release / "bin/python3").symlink_to("/usr/bin/python3.11")
    (tmp_path / "usr/bin").mkdir(parents=True)
    (tmp_path / "usr/bin/x").write_text("x")
    return tmp_path


def sums(root: Path) -> str:
    rows = []
    for path in sorted(root.rglob("*")):
        where = f"/{path.relative_to(root)}"
        if path.is_symlink():
            rows.append(f"link:{path.readlink()}  {where}")
        elif path.is_file():
            rows.append(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {where}")
    return "\n".join(rows)


def found(root: Path, text: str, folder: Path | None = None) -> dict[str, str]:
    return dict(differences(folder or root / "opt/drukte/releases" / VERSION, text, root))


def test_as_packaged(root: Path) -> None:
    text = sums(root)
    release = root / "opt/drukte/releases" / VERSION
    (release / SUMS).write_text(text)
    (release / "lib/__pycache__").mkdir()
    (release / "lib/__pycache__/a.pyc").write_text("made at installation")
    assert found(root, text) == {}


def test_every_way_to_differ_is_told(root: Path) -> None:
    text = sums(root)
    release = root / "opt/drukte/releases" / VERSION
    (release / "lib/a.py").write_text("A")
    (release / "lib/b.so").unlink()
    (release / "bin/python3").unlink()
    (release / "bin/python3").symlink_to("/tmp/python")
    (release / "lib/more.py").write_text("")
    (root / "usr/bin/x").write_text("y")
    told = found(root, text)
    assert sorted(told.values()) == [
        "is missing",
        "is not in the package",
        "points elsewhere",
        "was changed",
        "was changed",
    ]
    assert told["/usr/bin/x"] == "was changed"


def test_a_version_that_was_gone_back_to_is_judged_by_its_own_files_alone(root: Path) -> None:
    text = sums(root)
    kept = root / "opt/drukte/kept" / VERSION
    kept.parent.mkdir()
    shutil.move(root / "opt/drukte/releases" / VERSION, kept)
    (root / "usr/bin/x").write_text("of the newer package")
    assert found(root, text, kept) == {}
    (kept / "lib/a.py").write_text("A")
    assert list(found(root, text, kept).values()) == ["was changed"]
