"""Settings that a city shares lie under those of the site, and say so."""

from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from drukte.cli import drukte
from drukte.config import SiteError, effective, load_site, parse_site, settings_hash
from drukte.config.generic import ALONE, laid_under

DEMO = Path(__file__).parents[2] / "firmware_config" / "sites" / "demo-street.yaml"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    path = tmp_path / "site.yaml"
    path.write_text(DEMO.read_text())
    return path


def shared(site: Path, text: str) -> None:
    (site.parent / "generic.yaml").write_text(text)


def test_the_site_goes_before_what_is_shared(site: Path) -> None:
    shared(site, "organisation: elsewhere\nmqtt: {host: city, port: 8883}\nmodel: {threads: 4, size: 640x384}\n")
    loaded = load_site(site)
    assert (loaded.organisation, loaded.mqtt.host, loaded.mqtt.port) == ("demo", "city", 8883)
    assert (loaded.model.threads, loaded.model.size) == (4, "416x256")


def test_every_value_tells_where_it_comes_from(site: Path) -> None:
    shared(site, "# the city's\nmqtt:\n  host: city\n")
    told = {s.key: (s.value, s.origin) for s in effective(site)}
    assert told["mqtt.host"] == ("city", "generic.yaml line 3")
    assert told["mqtt.port"] == (1883, "default")
    assert told["device"] == ("demo-street", "site.yaml line 5")
    assert told["zones[0].lines[1].name"][1].startswith("site.yaml line")
    assert told["disclosure.policy"][1].startswith("site.yaml line")
    assert told["disclosure.crossings"][1] == "default"


@pytest.mark.parametrize("section", sorted(ALONE))
def test_what_one_device_answers_for_is_never_shared(site: Path, section: str) -> None:
    shared(site, f"mqtt: {{port: 8883}}\n{section}: anything\n")
    with pytest.raises(SiteError, match=rf"generic.yaml: 1 problem\n  line 2: {section}: belongs in site.yaml"):
        load_site(site)


def test_a_mistake_is_named_in_the_file_that_has_it(site: Path) -> None:
    shared(site, "mqtt:\n  host: city\n  port: 99999\n")
    with pytest.raises(SiteError, match=r"generic.yaml: line 3: mqtt.port: must be less than"):
        load_site(site)


@pytest.mark.parametrize("text", ["- 1\n", "a: [\n", "a: 1\na: 2\n", "\xff: {"])
def test_a_broken_shared_file_is_named(site: Path, text: str) -> None:
    (site.parent / "generic.yaml").write_bytes(text.encode("latin-1"))
    with pytest.raises(SiteError, match=r"generic\.yaml: 1 problem"):
        load_site(site)


def test_another_kind_of_sensor_takes_nothing_from_the_shared_one(site: Path) -> None:
    shared(site, "source: {kind: camera, device: /dev/video7, width: 640}\n")
    assert load_site(site).source.kind == "video"


def test_the_hash_of_the_settings_covers_both_files(site: Path) -> None:
    alone = settings_hash(site)
    shared(site, "mqtt: {host: city}\n")
    assert settings_hash(site) != alone


def test_text_alone_shares_nothing_unless_told_where_it_lies(site: Path) -> None:
    shared(site, "mqtt: {host: city}\n")
    assert parse_site(site.read_text()).mqtt.host == "localhost"
    assert parse_site(site.read_text(), at=site).mqtt.host == "city"


def test_check_prints_the_origins(site: Path) -> None:
    shared(site, "mqtt: {host: city}\n")
    done = CliRunner().invoke(drukte, ["check", "--effective", str(site)])
    assert done.exit_code == 0
    assert "mqtt.host" in done.output
    assert "generic.yaml line 1" in done.output


TREES = st.recursive(
    st.integers() | st.text(max_size=3),
    lambda inner: st.dictionaries(st.sampled_from("abcd"), inner, max_size=3) | st.lists(inner, max_size=2),
    max_leaves=8,
)
MAPPINGS = st.dictionaries(st.sampled_from("abcd"), TREES, max_size=4)


@given(MAPPINGS, MAPPINGS)
def test_merging_loses_nothing_of_the_site_and_only_fills_gaps(
    generic: dict[str, object], site: dict[str, object]
) -> None:
    merged = laid_under(generic, site)
    assert set(merged) == {*generic, *site}
    assert laid_under(generic, merged) == merged
    assert laid_under({}, site) == site
    assert laid_under(generic, {}) == generic
    for key, value in site.items():
        if not isinstance(value, dict):
            assert merged[key] == value
