"""`drukte page`: the page of this device."""

import os
import sys
from pathlib import Path

import click

from drukte.config import SiteError, load_site
from drukte.exits import Exit
from drukte.options import site_option
from drukte.page.facts import Reader
from drukte.page.server import NotAllowedError, make
from drukte.page.view import View
from drukte.report.broker.secret import SecretError, read_secret
from drukte.report.places import state_folder

RUNTIME = Path("/run/drukte-report")


@click.command()
@site_option
@click.option("--listen", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=8570, show_default=True)
@click.option(
    "--password-file",
    type=click.Path(path_type=Path),
    help="File with a password in its first line, mode 0600; needed to listen on a network.",
)
@click.option("--state", type=click.Path(path_type=Path), help="Folder of the device's store, if not the usual one.")
def page(site_file: Path, listen: str, port: int, password_file: Path | None, state: Path | None) -> None:
    """Serve a read-only page with what this device has published, and its health for Prometheus at /metrics."""
    try:
        site = load_site(site_file)
        password = read_secret(password_file.name, password_file.parent) if password_file else None
        folder = state or state_folder(site)
        health = Path(os.environ.get("RUNTIME_DIRECTORY", str(RUNTIME)).split(":")[0]) / "health.json"
        server = make(Reader(site, folder / "history.sqlite", health), View(site), listen, port, password)
    except SiteError as error:
        click.echo(str(error), err=True)
        sys.exit(Exit.SITE)
    except (SecretError, NotAllowedError) as error:
        click.echo(str(error), err=True)
        sys.exit(Exit.USAGE)
    except OSError as error:
        click.echo(f"{listen}:{port}: {error.strerror}. Choose another --port, or see who has it: ss -ltnp", err=True)
        sys.exit(Exit.INTERNAL)
    where = f"[{listen}]" if ":" in listen else listen
    click.echo(f"http://{where}:{server.server_address[1]}/  (Ctrl-C ends it)")
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass
    finally:
        server.server_close()
