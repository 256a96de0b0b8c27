"""`drukte bench`: where the time of one picture goes, measured on this machine in one run."""

import sys
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import numpy as np

from drukte.config import SiteError, load_site
from drukte.exits import Exit
from drukte.models import ModelError, read
from drukte.sense.frame import Frame
from drukte.sense.pipeline import Pipeline
from drukte.sense.sources import SourceEnded, SourceError, open_source
from drukte_tools.bench import crowd

Spent = dict[str, list[float]]

STAGES = (
    ("read", "read and decode the recording"),
    ("inference", "the network alone"),
    ("detector", "scaling, boxes, suppression"),
    ("rest", "ground, tracks, zones, lines, closeness"),
    ("wipe", "overwrite the picture"),
)


class Timed:
    """Stands in for an object and measures the time that one of its methods takes."""

    def __init__(self, inner: Any, method: str, note: Callable[[float], None]) -> None:
        self._inner, self._method, self._note = inner, method, note

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        return self._measured(found) if name == self._method else found

    def __call__(self, *arguments: Any) -> Any:
        """Call the object itself, measured."""
        return self._measured(self._inner)(*arguments)

    def _measured(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*arguments: Any) -> Any:
            began = time.perf_counter()
            try:
                return call(*arguments)
            finally:
                self._note(time.perf_counter() - began)

        return timed


def measure(site_file: Path, video: Path | None, frames: int) -> Spent:
    """Seconds per stage and picture over `frames` pictures of the site's recording.

    Raises:
        SiteError, ModelError, SourceError: the site, its model or its recording cannot be used.
    """
    site = load_site(site_file)
    changes: dict[str, Any] = {"rate": "max", "loop": True}
    if video is not None:
        changes["path"] = str(video.resolve())
    source = open_source(site.source.model_copy(update=changes), site_file.parent)
    model = read(site.model.name, site.model.size)
    pipeline = Pipeline(site, site_file.parent, model, source.width, source.height)
    spent: Spent = defaultdict(list)
    detector = pipeline._detector
    detector._session = Timed(detector._session, "run_with_iobinding", spent["inference"].append)
    pipeline._detector = Timed(detector, "", spent["whole detector"].append)  # type: ignore[assignment]
    frame = Frame(source.height, source.width)
    for _ in range(frames):
        began = time.perf_counter()
        try:
            at = source.read(frame)
        except SourceEnded:
            break
        if at is None:
            continue
        got = time.perf_counter()
        pipeline.step(frame.image, at)
        done = time.perf_counter()
        frame.wipe()
        spent["wipe"].append(time.perf_counter() - done)
        spent["read"].append(got - began)
        spent["rest"].append(done - got - spent["whole detector"][-1])
        spent["detector"].append(spent["whole detector"][-1] - spent["inference"][-1])
    return spent


def table(spent: Spent, warm_up: int = 10) -> str:
    """Median milliseconds per stage, and each stage as a share of the inference."""
    median = {name: float(np.median(values[warm_up:])) for name, values in spent.items()}
    rows = [f"{len(spent['read']) - warm_up} pictures", f"{'':<42}{'ms':>8}{'of inference':>14}"]
    rows += [
        f"{meaning:<42}{1000 * median[name]:8.2f}{100 * median[name] / median['inference']:13.1f}%"
        for name, meaning in STAGES
    ]
    beyond = sum(median[name] for name in ("detector", "rest", "wipe")) / median["inference"]
    rows.append(f"beyond inference and reading: {100 * beyond:.1f}% of the inference's time")
    return "\n".join(rows)


@click.command()
@click.option(
    "--site", "site_file", type=click.Path(path_type=Path), default=Path("firmware_config/sites/demo-street.yaml")
)
@click.option("--video", type=click.Path(path_type=Path, exists=True), help="Recording to use instead of the site's.")
@click.option("--frames", type=click.IntRange(20), default=400, show_default=True)
@click.option(
    "--people",
    type=click.IntRange(2, 1000),
    multiple=True,
    help="Measure the following and counting of a simulated crowd of this size instead. Give it again for another.",
)
def bench(site_file: Path, video: Path | None, frames: int, people: tuple[int, ...]) -> None:
    """Measure where the time of one picture goes on this machine."""
    try:
        if people:
            site = load_site(site_file)
            click.echo(crowd.table([(n, crowd.measure(site, n, frames)) for n in people]))
            return
        click.echo(table(measure(site_file, video, frames)))
    except SiteError as error:
        click.echo(str(error), err=True)
        sys.exit(Exit.SITE)
    except (ModelError, SourceError) as error:
        raise click.ClickException(str(error)) from None
