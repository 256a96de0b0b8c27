"""What is kept of a radar: the last seconds' echoes, drawn where the device counts people; nothing before the seal."""

import time

import numpy as np
import pyrage
import pytest
from tests.sample.test_sampler import IDENTITY, order
from tests.sense.test_radar_sight import radar_site

from drukte.config import load_site
from drukte.config.radar import RadarGround
from drukte.sample.container import ECHOES_PLAIN, ContainerError, unpack
from drukte.sample.echo_memory import COLUMNS, SECONDS, EchoMemory, unpack_echoes
from drukte.sample.kept import KeptRadar, open_kept
from drukte.sample.plan import Moment
from drukte.sense.sources import SourceEnded
from drukte.sense.sources.radar import RadarFrame
from drukte_tools.simulate.command import recording
from drukte_tools.validate.judging.opened import Opened
from drukte_tools.validate.judging.places import placed
from drukte_tools.validate.judging.plan_view import PlanView, draw, on_the_ground
from drukte_tools.validate.judging.settled import Counted


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> list[Opened]:
    folder = tmp_path_factory.mktemp("radar")
    (folder / "two.bin").write_bytes(recording(2, 20.0, "iwr6843isk", 1)[0])
    source = {"kind": "radar-replay", "path": "two.bin", "module": "iwr6843isk", "rate": "module", "loop": True}
    site = load_site(radar_site(folder, **source))
    now = time.time()
    made = order(60, 3).model_copy(update={"zone": "plaza"})
    moments = [Moment(i, now + 6 + 0.6 * i, "all") for i in range(3)]
    files: dict[int, bytes] = {}
    sight = open_kept(site, folder, b"", made, moments, files.__setitem__)
    assert isinstance(sight, KeptRadar)
    sight.rehearse()
    while time.time() < now + 5:
        sight.turn()
    assert files == {}
    sight.confirm()
    with pytest.raises(SourceEnded):
        while True:
            sight.turn()
    sight.wipe()
    assert sorted(files) == [0, 1, 2]
    plain = [pyrage.decrypt(files[i], [IDENTITY]) for i in sorted(files)]
    assert {len(p) for p in plain} == {ECHOES_PLAIN}
    return [Opened(*unpack(p)) for p in plain]


def test_echoes_lie_where_people_are_counted(kept: list[Opened]) -> None:
    counts, away = [], []
    for o in kept:
        assert (o.header.kind, o.header.size, o.header.count) == ("echoes", (0, 0), len(o.header.people))
        rows = unpack_echoes(o.content)
        assert len(rows) > 20
        assert 0 <= rows[:, 0].min() <= rows[:, 0].max() <= SECONDS
        spots = on_the_ground(rows[:, 1:4], RadarGround.model_validate(o.header.ground))
        away.append(min(float(np.hypot(*(spots[:, :2] - person.xy).T).min()) for person in o.header.people))
        counts.append(o.header.count)
    assert np.median(counts) == 2
    # Somebody who stands still is counted on without an echo.
    assert max(away) < 0.6


def test_counters_see_a_drawing_from_which_metres_come_back(kept: list[Opened]) -> None:
    o = next(k for k in kept if k.header.count)
    kind, svg = o.shown()
    assert kind == "image/svg+xml"
    assert svg.count(b"<circle") > 20
    view = PlanView.of(np.array(o.header.polygon))
    xy = np.array([p.xy for p in o.header.people])
    assert np.allclose(view.to_metres(view.to_pixels(xy)), xy)
    (spot,) = placed([Counted(o, view.to_pixels(xy), None, None)])
    assert len(spot.hand_row) == len(xy)
    with pytest.raises(ContainerError):
        draw(o.header, o.content[:-1])


def test_the_memory_forgets_and_is_bounded() -> None:
    memory, frame = EchoMemory(), RadarFrame()
    for i in range(100):
        frame.time = i * 0.1
        frame.take_points(3)[:] = i
        memory.remember(frame)
    rows = unpack_echoes(memory.pack(9.9, 10_000))
    assert len(rows) == 3 * 21
    assert rows[0].tolist() == [0.0, 99.0, 99.0, 99.0, 99.0, 99.0]
    assert len(unpack_echoes(memory.pack(9.9, 5 * 4 * COLUMNS))) == 5
    memory.wipe()
    assert memory.pack(9.9, 10_000) == b""
    assert not memory._points.any()


def test_a_module_without_echoes_gives_its_targets() -> None:
    memory, frame = EchoMemory(), RadarFrame()
    frame.time = 1.0
    frame.take_targets(1)[0] = (7, 0.5, 2.0, np.nan, 0, 1, np.nan, np.nan, np.nan)
    memory.remember(frame)
    (row,) = unpack_echoes(memory.pack(1.0, 1000))
    assert row[1:3].tolist() == [0.5, 2.0]
