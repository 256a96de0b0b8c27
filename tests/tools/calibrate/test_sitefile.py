"""Sections are written into a site file, and nothing else of it changes: not a comment, not a space."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.scenes import SITES

from drukte_tools.calibrate.sitefile import SiteFile, SiteFileError

METRES = st.floats(-50, 50).map(lambda v: round(v, 3))
POINT = st.tuples(METRES, METRES).map(list)
NAMES = st.sampled_from(["square", "gate", "stairs", "west", "a-1"])
GROUND = st.one_of(
    st.fixed_dictionaries(
        {
            "kind": st.just("mount"),
            "picture": st.just([1280, 720]),
            "height": st.floats(2, 12).map(lambda v: round(v, 2)),
            "tilt": st.floats(0, 80).map(lambda v: round(v, 1)),
            "lens": st.fixed_dictionaries({"fov": st.integers(30, 100)}),
        }
    ),
    st.fixed_dictionaries(
        {
            "kind": st.just("homography"),
            "picture": st.just([768, 576]),
            "points": st.lists(
                st.fixed_dictionaries({"pixel": POINT, "metres": POINT}), min_size=4, max_size=7
            ),
            "click": st.sampled_from([1.0, 2.5]),
        }
    ),
)  # fmt: skip
LINE = st.fixed_dictionaries({"name": NAMES, "from": POINT, "to": POINT})
ZONE = st.fixed_dictionaries(
    {"name": NAMES, "polygon": st.lists(POINT, min_size=3, max_size=6)},
    optional={"lines": st.lists(LINE, max_size=2, unique_by=lambda n: n["name"])},
)
ZONES = st.lists(ZONE, min_size=1, max_size=4, unique_by=lambda z: z["name"])
COMMENT = st.sampled_from(["", "# by hand", "#", "#  twice  spaced ", "# ünïcode: [x, {y}", "\n\n# after a gap"])


@st.composite
def files(draw: Any) -> tuple[str, dict[str, str]]:
    """A site file's text, and the text of each of its sections that must stay."""
    blocks: dict[str, str] = {}
    for key, text in {
        "drukte": "drukte: 1   # version",
        "place": "place: {name: Here, time_zone: Europe/Amsterdam}",
        "purpose": "purpose:\n  # why\n  what_for: 'it''s a test'\n  contact: |-\n    two\n    lines",
        "source": "source:\n    kind: camera # four spaces\n    rate: 5.0",
        "tick": "tick: 10",
    }.items():
        before = draw(COMMENT)
        blocks[key] = (before + "\n" if before else "") + text + "\n"
    order = draw(st.permutations([*blocks, "ground", "zones"]))
    parts = dict(blocks)
    for key, value in (("ground", draw(GROUND)), ("zones", draw(ZONES))):
        flow = draw(st.sampled_from([None, True, False]))
        if flow:
            parts[key] = f"{key}: {yaml.safe_dump(value, sort_keys=False, default_flow_style=True, width=70)}"
        else:
            parts[key] = yaml.safe_dump({key: value}, sort_keys=False, default_flow_style=flow, width=100)
        if draw(st.booleans()):
            del parts[key]
    text = draw(st.sampled_from(["", "# top\n", "---\n"])) + "".join(parts[k] for k in order if k in parts)
    if draw(st.booleans()):
        text = text.rstrip("\n")
    return text, blocks


@settings(max_examples=30)
@given(files(), GROUND, ZONES)
def test_only_the_sections_change(tmp_path_factory, made, ground, zones) -> None:
    text, blocks = made
    path = tmp_path_factory.mktemp("site") / "site.yaml"
    path.write_bytes(text.encode())
    new = SiteFile(path).with_sections({"ground": ground, "zones": zones})
    before, after = yaml.safe_load(text), yaml.safe_load(new)
    assert after["ground"] == ground
    assert after["zones"] == zones
    assert {k: v for k, v in after.items() if k not in {"ground", "zones"}} == {
        k: v for k, v in before.items() if k not in {"ground", "zones"}
    }
    for block in blocks.values():
        assert block.rstrip("\n") in new
    for comment in (line for line in text.splitlines() if line.startswith("#")):
        assert comment in new.splitlines()
    path.write_bytes(new.encode())
    assert SiteFile(path).with_sections({"ground": ground, "zones": zones}) == new


@settings(max_examples=10)
@given(files(), GROUND)
def test_lines_that_end_as_on_windows_stay_so(tmp_path_factory, made, ground) -> None:
    text = made[0].replace("\n", "\r\n")
    path = tmp_path_factory.mktemp("site") / "site.yaml"
    path.write_bytes(text.encode())
    new = SiteFile(path).with_sections({"ground": ground})
    assert yaml.safe_load(new)["ground"] == ground
    assert "\n" not in new.replace("\r\n", "")


def test_comments_inside_what_stays_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "site.yaml"
    path.write_text((SITES / "demo-street.yaml").read_text())
    site = SiteFile(path)
    zones = yaml.safe_load(path.read_text())["zones"]
    zones[0]["polygon"][0] = [1.0, 2.0]
    zones.append({"name": "new", "polygon": [[0, 0], [5, 0], [5, 5]]})
    new = site.with_sections({"zones": zones})
    assert "# Standing at `from` and looking at `to`, 'in' is crossing from left to right." in new
    assert yaml.safe_load(new)["zones"] == zones


def test_a_file_that_somebody_changed_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "site.yaml"
    path.write_text((SITES / "demo-street.yaml").read_text())
    site = SiteFile(path)
    path.write_text(path.read_text() + "# by somebody else\n")
    with pytest.raises(SiteFileError, match="somebody else"):
        site.save({"zones": yaml.safe_load(path.read_text())["zones"]})
    assert path.read_text().endswith("# by somebody else\n")


def test_wrong_sections_are_not_written_and_the_mode_stays(tmp_path: Path) -> None:
    path = tmp_path / "site.yaml"
    path.write_text((SITES / "demo-street.yaml").read_text())
    path.chmod(0o640)
    before = path.read_bytes()
    with pytest.raises(SiteFileError, match="nothing was written"):
        SiteFile(path).save({"zones": [{"name": "dot", "polygon": [[0, 0], [1, 0], [0, 1]]}]})
    assert path.read_bytes() == before
    SiteFile(path).save({"zones": [{"name": "big", "polygon": [[0, 0], [5, 0], [0, 5]]}]})
    assert path.stat().st_mode & 0o777 == 0o640
    assert [p.name for p in tmp_path.iterdir()] == ["site.yaml"]


@pytest.mark.parametrize("text", ["[1, 2]", "a: [", "\x00", "a: b: c", ""])
def test_what_is_no_site_file_is_said(tmp_path: Path, text: str) -> None:
    path = tmp_path / "site.yaml"
    path.write_text(text)
    with pytest.raises(SiteFileError):
        SiteFile(path)
