"""The first run, by flags and at a terminal."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from drukte.cli import drukte
from drukte.config import load_site
from drukte.setup import cli
from drukte.setup.questions import QUESTIONS, flag

DEMO = Path(__file__).parents[2] / "firmware_config" / "sites" / "demo-street.yaml"
FLAGS = {
    "--organisation": "testville",
    "--device": "pole-1",
    "--what-for": "Know how busy it is: 'now'",
    "--controller": "Testville",
    "--contact": "privacy@testville.example",
    "--valid-until": "2098-01-01",
    "--place": "Market #1",
    "--sensor": "camera",
    "--height": "3,5",
    "--tilt": "30",
    "--lens": "pi-camera-3",
    "--broker-host": "broker.testville.example",
    "--broker-ca-file": "ca.pem",
}


def run(tmp_path: Path, flags: dict[str, str], *more: str) -> Result:
    words = [word for pair in flags.items() for word in pair]
    return CliRunner().invoke(drukte, ["setup", "--site", str(tmp_path / "site.yaml"), *words, *more])


def test_all_by_flags(tmp_path: Path) -> None:
    done = run(tmp_path, FLAGS, "--yes")
    assert done.exit_code == 0, done.output
    site = load_site(tmp_path / "site.yaml")
    assert site.purpose.what_for == "Know how busy it is: 'now'"
    assert site.place.name == "Market #1"
    assert site.ground.kind == "mount"
    assert site.ground.height == 3.5
    assert (site.mqtt.port, site.mqtt.ca_file) == (8883, "ca.pem")
    assert site.zones[0].area == 36
    assert (tmp_path / "site.yaml").stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("sensor", ["radar-ti", "radar-ld2450", "radar-rd03d", "picamera"])
def test_every_sensor_gives_a_site_that_holds(tmp_path: Path, sensor: str) -> None:
    done = run(tmp_path, {**FLAGS, "--sensor": sensor}, "--yes")
    assert done.exit_code == 0, done.output
    assert load_site(tmp_path / "site.yaml").source.kind == sensor


def test_what_is_missing_is_named_all_at_once(tmp_path: Path) -> None:
    done = run(tmp_path, {"--sensor": "radar-ld2450"}, "--yes")
    assert done.exit_code == 10
    for name in ("--organisation", "--valid-until", "--height", "--broker-host"):
        assert name in done.output
    assert "--lens" not in done.output
    assert not (tmp_path / "site.yaml").exists()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("--device", "Pole 1"),
        ("--valid-until", "2020-01-01"),
        ("--valid-until", "soon"),
        ("--legal-ground", "because"),
        ("--time-zone", "Mars/Base"),
        ("--tilt", "200"),
        ("--lens", "wide"),
        ("--broker-port", "0"),
        ("--sensor", "eye"),
    ],
)
def test_a_wrong_flag_is_named_and_nothing_is_written(tmp_path: Path, name: str, value: str) -> None:
    done = run(tmp_path, {**FLAGS, name: value}, "--yes")
    assert done.exit_code == 10
    assert f"{name} {value}:" in done.output
    assert list(tmp_path.iterdir()) == []


def test_answers_that_do_not_go_together_write_nothing(tmp_path: Path) -> None:
    done = run(tmp_path, {**FLAGS, "--zone-far": "1"}, "--yes")
    assert done.exit_code == 0 or "nothing was written" in done.output
    done = run(tmp_path / "b", {**FLAGS, "--broker-certificate-file": "a.crt"}, "--yes")
    assert done.exit_code == 10
    assert "nothing was written" in done.output
    assert "certificate_file and key_file go together" in done.output


def test_a_site_file_that_is_there_is_kept(tmp_path: Path) -> None:
    run(tmp_path, FLAGS, "--yes")
    before = (tmp_path / "site.yaml").read_text()
    assert run(tmp_path, {**FLAGS, "--device": "other"}, "--yes").exit_code == 10
    assert (tmp_path / "site.yaml").read_text() == before
    assert run(tmp_path, {**FLAGS, "--device": "other"}, "--yes", "--force").exit_code == 0
    assert (tmp_path / "site.yaml.old").read_text() == before


def test_what_the_city_shares_is_not_asked_for(tmp_path: Path) -> None:
    (tmp_path / "generic.yaml").write_text("organisation: testville\nmqtt: {host: city, port: 8883}\n")
    own = {k: v for k, v in FLAGS.items() if k not in ("--organisation", "--broker-host")}
    done = run(tmp_path, own, "--yes")
    assert done.exit_code == 0, done.output
    assert "organisation" not in (tmp_path / "site.yaml").read_text().replace("organisation)", "")
    assert load_site(tmp_path / "site.yaml").mqtt.host == "city"


def test_ground_and_zones_from_a_file(tmp_path: Path) -> None:
    own = {k: v for k, v in FLAGS.items() if k not in ("--height", "--tilt", "--lens")}
    done = run(tmp_path, own, "--yes", "--ground-file", str(DEMO), "--zones-file", str(DEMO))
    assert done.exit_code == 0, done.output
    site = load_site(tmp_path / "site.yaml")
    assert site.ground.kind == "tsai"
    assert [line.name for line in site.zones[0].lines] == ["west", "east"]


def test_at_a_terminal_in_dutch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "_at_terminal", lambda: True)
    answers = [
        "Test Stad",
        "teststad",
        "paal-1",
        "Weten hoe druk het is",
        "Gemeente Teststad",
        "",
        "",
        "privacy@teststad.example",
        "2020-01-01",
        "2098-01-01",
        "Markt",
        "52,1",
        "4.3",
        "",
        "radar-ld2450",
        "",
        "2",
        "15",
        "",
        "",
        "",
        "",
        "broker",
        "",
        "",
        "",
        "",
        "",
        "",
    ]
    site = tmp_path / "site.yaml"
    done = CliRunner().invoke(
        drukte, ["setup", "--site", str(site), "--language", "nl"], input="\n".join(answers) + "\n"
    )
    assert done.exit_code == 0, done.output
    assert done.output.count("Dat kan niet") == 2
    loaded = load_site(site)
    assert (loaded.device, loaded.place.latitude, loaded.ground.kind) == ("paal-1", 52.1, "radar")


def test_flags_are_distinct() -> None:
    assert len({flag(q.key) for q in QUESTIONS}) == len(QUESTIONS)
    assert all(q.nl and q.en for q in QUESTIONS)
