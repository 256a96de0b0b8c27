"""`drukte simulate`: make recordings of radars that never were, byte by byte as the modules send them."""

from pathlib import Path
from typing import Any

import click
import numpy as np

from drukte.sense.detect.fmcw import Chirp
from drukte.sense.sources.radar_modules import MODULES
from drukte.sense.sources.radar_ti import Family
from drukte_tools.simulate.crowd import Habits, wander
from drukte_tools.simulate.ld2450_model import Ld2450Model
from drukte_tools.simulate.ld2450_stream import report
from drukte_tools.simulate.points import PointModel
from drukte_tools.simulate.scene import Mount, Scene, Wall
from drukte_tools.simulate.ti_stream import compressed_points, packet

AREA = (-2.5, 2.5, 1.2, 6.0)
BACK = Wall((-4.0, 7.0), (4.0, 7.0))


def recording(people: int, seconds: float, module: str, seed: int) -> tuple[bytes, np.ndarray]:
    """Bytes of a module before a wandering crowd, and the true (frames, people, 2) positions, m.

    The radar hangs at 2 m, tilted by 15 degrees, before a wall 7 m away that mirrors.
    """
    period = MODULES[module].period
    crowd = wander(people, seconds, AREA, period=period, seed=seed, habits=Habits())
    scene = Scene(Mount(), crowd, walls=(BACK,), seed=seed)
    out = bytearray()
    points, targets = PointModel(Chirp(period=period), seed=seed), Ld2450Model(period, seed)
    for moment in range(crowd.moments):
        echoes = scene.at(moment)
        if module in {"ld2450", "rd03d"}:
            out += report(targets(echoes))
        else:
            out += packet(Family.SDK, moment + 1, [(1020, compressed_points(points(echoes)))])
    return bytes(out), crowd.xy


@click.group()
def simulate() -> None:
    """Simulated sensors with exact truth."""


@simulate.command()
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), required=True, help="File of module bytes.")
@click.option("--people", default=3, show_default=True, type=click.IntRange(0, 12), help="How many wander there.")
@click.option("--seconds", default=120.0, show_default=True, help="How long.")
@click.option("--module", type=click.Choice(["iwr6843isk", "ld2450", "rd03d"]), default="iwr6843isk", show_default=True)
@click.option("--seed", default=1, show_default=True, help="The same seed gives the same recording.")
@click.option("--truth", type=click.Path(path_type=Path, dir_okay=False), help="Write true positions here too (.npy).")
def radar(out: Path, people: int, seconds: float, module: str, seed: int, truth: Path | None) -> None:
    """Record a simulated radar: people wander before a wall that mirrors."""
    data, xy = recording(people, seconds, module, seed)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_bytes(data)
    if truth is not None:
        np.save(truth, xy)
    click.echo(f"{out}: {len(xy)} frames of {module}, {len(data)} bytes")


@simulate.command()
@click.option("--site", "site_file", type=click.Path(path_type=Path), required=True, help="Site of a radar.")
@click.option("--source", "kinds", type=click.Choice(["points", "cube", "ld2450"]), multiple=True, default=["points"])
@click.option("--most", default=6, show_default=True, help="Largest number of people.")
@click.option("--jobs", default=1, show_default=True, help="Scenes at a time.")
@click.option("--scenes", default=20, show_default=True, help="Scenes for each number of people.")
@click.option("--seconds", default=30.0, show_default=True, help="Length of a scene.")
@click.option("--fan", default=0.0, show_default=True, help="Minutes of an empty room with a fan.")
@click.option("--json", "out", type=click.Path(path_type=Path), help="Write the figures here too.")
def evaluate(
    site_file: Path,
    kinds: tuple[str, ...],
    most: int,
    scenes: int,
    seconds: float,
    fan: float,
    jobs: int,
    out: Path | None,
) -> None:
    """How well the device counts simulated people: occlusion and a mirroring wall included."""
    from drukte.config import load_site
    from drukte_tools.simulate.evaluate import HEAD, empty_room, shown, table, write

    site = load_site(site_file)
    figures: dict[str, Any] = {}
    click.echo(HEAD)
    for kind, name, row in table(site, kinds, range(1, most + 1), scenes, seconds, jobs):  # type: ignore[arg-type]
        figures.setdefault(kind, {})[name] = row
        click.echo(shown(kind, name, row))
    if fan:
        share = empty_room(site, fan)
        figures["fan"] = share
        click.echo(f"empty room with a fan, {fan:g} min: {share:.1%} of one-minute windows above zero")
    if out is not None:
        write(out, figures)


@simulate.command()
@click.option("--site", "site_file", type=click.Path(path_type=Path), required=True, help="Site of a radar.")
@click.option("--people", "numbers", type=click.IntRange(1, 12), multiple=True, default=[2, 4, 6], show_default=True)
@click.option("--scenes", default=10, show_default=True, help="Scenes for each number of people.")
@click.option("--seconds", default=30.0, show_default=True, help="Length of a scene.")
@click.option("--jobs", default=1, show_default=True, help="Scenes at a time.")
def together(site_file: Path, numbers: tuple[int, ...], scenes: int, seconds: float, jobs: int) -> None:
    """How well a camera, a radar and both together count one simulated crowd."""
    from drukte.config import load_site
    from drukte_tools.simulate.both import table

    for line in table(load_site(site_file), numbers, scenes, seconds, jobs):
        click.echo(line)
