"""The FMCW chain on simulated and recorded samples."""

import json
from pathlib import Path

import numpy as np
import pytest

from drukte.sense.detect.fmcw import Chain, Chirp
from drukte.sense.sources.radar import Echo, RadarFrame
from drukte_tools.simulate.cube import CubeMaker, Scatterers

ISK = Chirp()


def scatterers(places: list[list[float]], speeds: list[float], sections: list[float]) -> Scatterers:
    at = np.array(places, float)
    distance = np.linalg.norm(at, axis=1)
    return Scatterers(
        at / distance[:, None], distance, np.array(speeds, float), np.array(sections, float), np.arange(len(at))
    )


def echoes(s: Scatterers, chirp: Chirp = ISK, seed: int = 0, **options) -> np.ndarray:
    frame = RadarFrame()
    Chain(chirp, **options).process(CubeMaker(chirp, seed)(s), frame)
    return frame.points.copy()


def test_figures_are_those_that_ti_states_for_this_waveform() -> None:
    """People-counting guide, 6 m wall mount: 0.084 m, 7.3 m (0.9 of the band), 4.45 m/s, 0.093 m/s."""
    assert ISK.range_step == pytest.approx(0.084, abs=5e-4)
    assert 0.9 * ISK.max_range == pytest.approx(7.3, abs=0.05)
    assert ISK.max_speed == pytest.approx(4.5, abs=0.06)
    assert ISK.speed_step == pytest.approx(0.094, abs=1e-3)
    assert np.rad2deg(ISK.azimuth_resolution) == pytest.approx(15, abs=1)


@pytest.mark.parametrize("angle", ["fft", "capon"])
@pytest.mark.parametrize("place", [[0.0, 3.0, 0.0], [1.5, 3.0, 0.4], [-2.5, 4.0, -0.6], [3.0, 2.5, 0.2]])
@pytest.mark.parametrize("speed", [0.8, -2.3, 3.9])
def test_a_scatterer_is_found_where_it_is(angle, place, speed) -> None:
    found = echoes(scatterers([place], [speed], [0.3]), angle=angle)
    strongest = found[0]
    np.testing.assert_allclose(strongest[:3], place, atol=0.09)
    assert strongest[Echo.DOPPLER] == pytest.approx(speed, abs=0.06)


def test_two_people_at_the_same_range_and_different_speed_are_told_apart() -> None:
    found = echoes(scatterers([[1.5, 3.0, 0], [-1.5, 3.0, 0]], [1.0, -0.7], [0.3, 0.3]))
    for x, speed in ((1.5, 1.0), (-1.5, -0.7)):
        mine = found[np.abs(found[:, Echo.DOPPLER] - speed) < 0.06]
        assert len(mine) > 0
        assert np.median(mine[:, Echo.X]) == pytest.approx(x, abs=0.1)


def test_what_does_not_move_is_removed_unless_asked_for() -> None:
    furniture = scatterers([[0.5, 4.0, 0.0]], [0.0], [1.0])
    assert len(echoes(furniture)) == 0
    still = echoes(furniture, static=True)
    np.testing.assert_allclose(still[0, :3], [0.5, 4.0, 0.0], atol=0.09)


def test_noise_alone_gives_no_more_false_alarms_than_promised() -> None:
    empty = scatterers([[0, -5, 0]], [0.0], [0.0])
    chain, maker, frame = Chain(ISK, false_alarms=1e-4), CubeMaker(ISK, seed=3), RadarFrame()
    alarms = 0
    for _ in range(40):
        chain.process(maker(empty), frame)
        alarms += len(frame.points)
    expected = 1e-4 * ISK.loops * ISK.bins * 40
    assert expected / 3 < alarms < expected * 3


def test_the_strength_of_an_echo_follows_the_radar_equation() -> None:
    near, far = (echoes(scatterers([[0, r, 0]], [1.04 * ISK.speed_step * 10], [0.3]))[0, Echo.SNR] for r in (2.1, 4.2))
    assert near - far == pytest.approx(12.0, abs=2.0)


def test_a_recorded_cube_shows_its_moving_object(test_data: Path) -> None:
    """A BGT60TR13C (real samples, three receivers) with something that moves 0.31 to 0.34 m away."""
    cubes = np.load(test_data / "radar" / "bgt60tr13c_raw_256x3x8x64.npy")
    shape = json.loads((test_data / "radar" / "bgt60tr13c_raw_256x3x8x64.config.json").read_text())
    c = shape["device_config"]["fmcw_single_shape"]
    chirp = Chirp(
        start=c["start_frequency_Hz"],
        slope=(c["end_frequency_Hz"] - c["start_frequency_Hz"]) * c["sample_rate_Hz"] / c["num_samples_per_chirp"],
        sample_rate=c["sample_rate_Hz"],
        samples=c["num_samples_per_chirp"],
        loops=c["num_chirps_per_frame"],
        chirp_time=c["chirp_repetition_time_s"],
        right=(0, 1, 0),
        up=(0, 0, 1),
        turn=(0, 0, 0),
        period=c["frame_repetition_time_s"],
        real=True,
    )
    chain, frame, ranges = Chain(chirp, angle="fft", false_alarms=1e-4), RadarFrame(), []
    for cube in cubes:
        chain.process(cube.transpose(1, 0, 2).astype(np.float32), frame)
        if len(frame.points):
            ranges.append(np.linalg.norm(frame.points[0, :3]))
    assert len(ranges) > 50
    assert 0.28 < np.median(ranges) < 0.37
