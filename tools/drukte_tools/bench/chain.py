"""How much of real time the chain from raw radar samples to people takes: `python -m drukte_tools.bench.chain`."""

import time
from pathlib import Path

import click
import numpy as np

from drukte.config import load_site
from drukte.config.radar import RadarGround
from drukte.sense.detect.fmcw import Chain, Chirp
from drukte.sense.radar_pipeline import RadarPipeline
from drukte.sense.sources.radar import RadarFrame
from drukte.sense.sources.radar_modules import MODULES
from drukte_tools.simulate.crowd import wander
from drukte_tools.simulate.cube import CubeMaker
from drukte_tools.simulate.evaluate import AREA, BACK
from drukte_tools.simulate.scene import Mount, Scene

FRAMES = 60
SITE = Path(__file__).parents[3] / "firmware_config" / "sites" / "radar-demo.yaml"


def main() -> None:
    """Print processor time per frame, as a share of the period: signal chain, and people, zones and distances."""
    site, chirp = load_site(SITE), Chirp()
    assert isinstance(site.ground, RadarGround)  # noqa: S101 - the site is this tool's own
    crowd = wander(4, FRAMES * chirp.period, AREA, period=chirp.period, seed=1)
    scene, maker = Scene(Mount(), crowd, walls=(BACK,), seed=1), CubeMaker(chirp, 1)
    pipeline = RadarPipeline(site, site.ground, MODULES["iwr6843isk"], "auto")
    chain, frame = Chain(chirp), RadarFrame()
    signal, people = [], []
    for moment in range(crowd.moments):
        cube = maker(scene.at(moment))
        frame.wipe()
        start = time.thread_time()
        chain.process(cube, frame)
        middle = time.thread_time()
        frame.time, frame.sequence = moment * chirp.period, moment + 1
        pipeline.step(frame)
        people.append(time.thread_time() - middle)
        signal.append(middle - start)
    both = np.median(np.array(signal) + np.array(people))
    period = chirp.period
    click.echo(
        f"{chirp.loops}x{chirp.elements}x{chirp.samples} samples every {1e3 * period:.0f} ms, 4 people, one thread"
    )
    click.echo(f"samples to echoes    {1e3 * np.median(signal):6.1f} ms {np.median(signal) / period:6.2f} of real time")
    click.echo(f"echoes to numbers    {1e3 * np.median(people):6.1f} ms {np.median(people) / period:6.2f} of real time")
    click.echo(f"together             {1e3 * both:6.1f} ms {both / period:6.2f} of real time")


if __name__ == "__main__":
    main()
