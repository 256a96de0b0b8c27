"""Radar configurations: ours can work, and what cannot is refused with a reason."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from drukte.sense.sources.radar_ti_cli import read_lines
from drukte_tools.radar.chirp_file import ConfigurationError, read
from drukte_tools.radar.command import radar

FOLDER = Path(__file__).parents[3] / "firmware_config" / "radar"
OURS = sorted(FOLDER.glob("*.cfg"))


def changed(tmp_path: Path, command: str, place: int, value: str) -> Path:
    """The 6 m configuration with one value of one command changed."""
    lines = (FOLDER / "wall-6m.cfg").read_text().splitlines()
    at = next(k for k, line in enumerate(lines) if line.split() and line.split()[0] == command)
    words = lines[at].split()
    words[place] = value
    lines[at] = " ".join(words)
    out = tmp_path / "changed.cfg"
    out.write_text("\n".join(lines))
    return out


@pytest.mark.parametrize("file", OURS, ids=lambda f: f.name)
def test_ours_can_work_and_be_sent(file: Path) -> None:
    assert read(file).problems == []
    lines = read_lines(file.read_text())
    assert lines[0].text == "sensorStop"
    assert lines[-1].text == "sensorStart"


def test_there_is_one_for_each_place() -> None:
    assert [f.name for f in OURS] == ["ceiling-3m.cfg", "wall-14m.cfg", "wall-6m.cfg"]


def test_the_figures_are_those_of_the_formulas() -> None:
    chirp = read(FOLDER / "wall-6m.cfg").chirp
    # c fs / 2 S, c / 2 B with B = S n / fs, lambda / 4 T and lambda / 2 T L with T of three chirps of 89 us
    assert chirp.max_range == pytest.approx(299_792_458 * 3e6 / (2 * 55e12))
    assert chirp.range_step == pytest.approx(299_792_458 / (2 * 1.76e9))
    assert chirp.max_speed == pytest.approx(chirp.wavelength / (4 * 267e-6))
    assert chirp.speed_step == pytest.approx(chirp.max_speed / 48)


@pytest.mark.parametrize(
    ("command", "place", "value", "reason"),
    [
        ("profileCfg", 2, "63.0", "allowed are 60 to 64"),
        ("profileCfg", 8, "300", "slope 300 MHz/us, at most 250"),
        ("profileCfg", 10, "256", "sampling ends after"),
        ("profileCfg", 11, "20000", "at most 12500"),
        ("profileCfg", 3, "400", "people walk up to"),
        ("frameCfg", 5, "20", "of its period"),
        ("frameCfg", 3, "255", "radar cube takes"),
        ("profileCfg", 8, "3", "cannot part people"),
        ("boundaryBox", 4, "9", "the chirp 8.2 m"),
        ("boundaryBox", 1, "5", "must be below the second"),
        ("staticBoundaryBox", 2, "7", "reaches beyond boundaryBox"),
        ("chirpCfg", 8, "3", "transmitter of its own"),
        ("trackingCfg", 7, "100", r"period \(ms\) says 0.1"),
        ("sensorPosition", 1, "20", "height 20 m"),
    ],
)
def test_what_cannot_work_is_refused(tmp_path: Path, command: str, place: int, value: str, reason: str) -> None:
    file = changed(tmp_path, command, place, value)
    report = read(file)
    assert any(re.search(reason, problem) for problem in report.problems), report.problems
    result = CliRunner().invoke(radar, ["check", str(file)])
    assert result.exit_code == 1


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("sensorStrat", "line 1: sensorStrat is no command"),
        ("frameCfg 0 2 96 0 55 1", "line 1: frameCfg takes 7 values, 6 are there"),
        ("frameCfg 0 2 many 0 55 1 0", "line 1: frameCfg takes numbers"),
        ("frameCfg 0 2 nan 0 55 1 0", "line 1: frameCfg takes finite numbers"),
        ("% nothing", "channelCfg is missing"),
    ],
)
def test_a_line_that_makes_no_sense_is_named(tmp_path: Path, line: str, reason: str) -> None:
    file = tmp_path / "bad.cfg"
    file.write_text(line + "\n")
    with pytest.raises(ConfigurationError, match=reason):
        read(file)


def test_binary_and_missing_files_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "binary.cfg"
    file.write_bytes(b"\xff\xfe\x00")
    for path in (file, tmp_path / "none.cfg"):
        with pytest.raises(ConfigurationError, match="cannot be read"):
            read(path)
