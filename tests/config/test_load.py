"""Site files: a right one loads, a wrong one names everything that is wrong, where, and what is allowed."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from drukte.config import Site, SiteError, load_site, parse_site
from drukte.config.document import MAX_BYTES

ROOT = Path(__file__).resolve().parents[2]
SITES = ROOT / "firmware_config" / "sites"
GOOD = (SITES / "demo-street.yaml").read_text()


def changed(**changes: Any) -> str:
    """The demo's site file with keys replaced; `a__b` is key b of section a; ... removes a key."""
    tree = yaml.safe_load(GOOD)
    for path, value in changes.items():
        *sections, key = path.split("__")
        place = tree
        for section in sections:
            place = place[section]
        if value is ...:
            del place[key]
        else:
            place[key] = value
    return yaml.safe_dump(tree, sort_keys=False)


def problems(text: str) -> dict[str, str]:
    with pytest.raises(SiteError) as caught:
        parse_site(text)
    return {p.key: p.allowed for p in caught.value.problems}


@pytest.mark.parametrize("name", ["demo-street.yaml", "desk-camera.yaml"])
def test_shipped_sites_load(name: str) -> None:
    site = load_site(SITES / name)
    assert not site.purpose.expired(date.today())


def test_the_example_lacks_just_what_only_its_owner_knows() -> None:
    with pytest.raises(SiteError) as caught:
        load_site(SITES / "example.yaml")
    lines = (SITES / "example.yaml").read_text().splitlines()
    to_fill_in = {n for n, line in enumerate(lines, 1) if "# <--" in line}
    found = {p.line for p in caught.value.problems}
    assert found - to_fill_in <= {27}  # `ground` as a whole, whose points are missing
    assert to_fill_in - found <= {30}


def test_every_problem_is_named_at_once_with_line_key_and_what_is_allowed() -> None:
    text = changed(
        organisation="Demo City",
        purpose__valid_until="2027-13-01",
        tick=7,
        source__rate="fast",
        purpose__controller=...,
    )
    text = text.replace("contact:", "contatc:")
    found = problems(text)
    assert found["organisation"].startswith("must be 1 to 40 lower-case letters")
    assert found["purpose.controller"] == "is missing and must be given"
    assert found["purpose.contatc"] == "is not a key of this section; did you mean 'contact'?"
    assert "month" in found["purpose.valid_until"]
    assert "'max'" in found["source.rate"]
    with pytest.raises(SiteError, match=r"line 2: organisation: must be .* \(found 'Demo City'\)"):
        parse_site(text)


@pytest.mark.parametrize(
    ("changes", "key", "message"),
    [
        ({"tick": 7}, "", "does not divide a minute"),
        ({"tick": 4}, "tick", "greater than or equal to 5"),
        ({"window": 15}, "", "multiple of the tick"),
        ({"purpose": ...}, "purpose", "is missing"),
        ({"purpose": None}, "purpose", "is empty"),
        ({"closeness": {"low_risk": 1.0}}, "closeness", "smaller distance"),
        ({"mqtt": {"certificate_file": "x.pem"}}, "mqtt", "go together"),
        ({"source": {"kind": "webcam"}}, "source", "must be one of"),
        ({"zones": []}, "zones", "at least 1 item"),
        ({"zones": [{"name": "a", "polygon": [[0, 0], [1, 0], [1, 1], [0, 1]]}]}, "zones[0]", "1.00 m2"),
        ({"zones": [{"name": "a", "polygon": [[0, 0], [9, 9], [9, 0], [0, 9]]}]}, "zones[0]", "sides 1 and 3"),
        ({"place": {"name": "x", "time_zone": "Europe/Rijswijk"}}, "place.time_zone", "IANA"),
    ],
)
def test_what_must_hold(changes: dict[str, Any], key: str, message: str) -> None:
    found = problems(changed(**changes))
    assert message in found[key]


def test_a_name_may_stand_once() -> None:
    zone = {"name": "a", "polygon": [[0, 0], [9, 0], [9, 9], [0, 9]]}
    assert "stands twice" in problems(changed(zones=[zone, zone]))["zones"]


def test_a_key_given_twice_is_not_silently_the_last_one() -> None:
    assert problems(GOOD + "\ntick: 10\n") == {"tick": "this key stands twice; keep one"}


@pytest.mark.parametrize(
    "text", ["", "[]", "just words", "a: [1, 2", "a:\n\t- b", "!!python/object/apply:os.system [ls]"]
)
def test_what_is_no_site_file(text: str) -> None:
    with pytest.raises(SiteError):
        parse_site(text)


@given(st.text(max_size=300))
def test_any_text_gives_a_site_error_and_nothing_else(text: str) -> None:
    with pytest.raises(SiteError):
        parse_site(text)


@given(st.sampled_from(GOOD.splitlines()), st.text(max_size=12), st.integers(0, 60))
def test_a_damaged_line_gives_a_site_error_or_still_a_site(line: str, noise: str, at: int) -> None:
    damaged = GOOD.replace(line, line[:at] + noise + line[at:], 1)
    try:
        assert isinstance(parse_site(damaged), Site)
    except SiteError as error:
        assert error.problems


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "cannot be read"), (b"\xff\xfe", "UTF-8"), (b"#" * (MAX_BYTES + 1), "at most")],
)
def test_a_file_that_cannot_be_read(tmp_path: Path, content: bytes | None, message: str) -> None:
    file = tmp_path / "site.yaml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(SiteError, match=message):
        load_site(file)


def test_every_key_of_the_schema_says_what_it_means() -> None:
    schema = Site.model_json_schema(by_alias=True)
    silent = [
        f"{name}.{key}"
        for name, section in {"Site": schema, **schema["$defs"]}.items()
        for key, field in section.get("properties", {}).items()
        if not field.get("description")
        and not _refers(field, schema["$defs"])
        and "const" not in field
        and key != "name"
    ]
    assert silent == []


def _refers(field: dict[str, Any], sections: dict[str, Any]) -> bool:
    """Whether the key is a section that has a description of its own."""
    text = str(field)
    return any(f"/{name}'" in text and sections[name].get("description") for name in sections)


def test_an_area_is_that_of_the_polygon() -> None:
    assert load_site(SITES / "demo-street.yaml").zones[0].area == pytest.approx(283, abs=1)
