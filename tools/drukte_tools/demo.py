"""`drukte demo`: everything on one machine, to see what drukte does. What `make run` starts."""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import yaml

from drukte.config import load_site
from drukte.exits import Exit
from drukte.models import ModelError, find
from drukte.models.pull import pull
from drukte.report.broker.desk import BrokerError, Running, local_broker
from drukte.report.watch import main as watch

VIDEO = "vtest.avi"
VIDEO_SHA256 = "45cddc9490be69345cbdab64ca583be65987e864ca408038e648db99e10516cf"
PACKAGE = "opencv-doc"
IN_PACKAGE = f"usr/share/doc/opencv-doc/examples/data/{VIDEO}"


class DemoError(Exception):
    """The demo cannot start; says what to do."""


def recording() -> Path:
    """The recorded street: `DRUKTE_DEMO_VIDEO`, an installed one, one fetched earlier, or fetched now.

    Raises:
        DemoError: it cannot be had here.
    """
    if chosen := os.environ.get("DRUKTE_DEMO_VIDEO"):
        path = Path(chosen).resolve()
        if not path.is_file():
            raise DemoError(f"DRUKTE_DEMO_VIDEO: {path} is not a file")
        return path
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "drukte"
    for path in (Path("/") / IN_PACKAGE, cache / VIDEO):
        if path.is_file() and _hash(path) == VIDEO_SHA256:
            return path
    return _fetch(cache)


def _fetch(cache: Path) -> Path:
    """Take the recording, and nothing else, out of Debian's package."""
    if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        raise DemoError(
            f"the recorded street comes from Debian's package {PACKAGE}, and there is no apt-get here. "
            f"Set DRUKTE_DEMO_VIDEO to a file of your own"
        )
    click.echo(f"== The recorded street, once, out of Debian's package {PACKAGE} (96 MB)")
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as folder:
        # as root apt would hand the download to a user who may not write here
        command = ["apt-get", "download", "-q", "-o", "APT::Sandbox::User=root", PACKAGE]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        packages = list(Path(folder).glob("*.deb"))
        if done.returncode or not packages:
            last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise DemoError(f"apt-get download {PACKAGE} failed: {last}. Run `sudo apt-get update` and try again")
        subprocess.run(["dpkg-deb", "-x", str(packages[0]), folder], check=True)
        found = Path(folder) / IN_PACKAGE
        if not found.is_file() or _hash(found) != VIDEO_SHA256:
            raise DemoError(
                f"{packages[0].name} does not hold the recording this demo knows. Set DRUKTE_DEMO_VIDEO to a file of "
                "your own (the zone is drawn for the original, so numbers will mean little)"
            )
        return Path(shutil.move(found, cache / VIDEO))


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _camera() -> str | None:
    """An attached camera that the person at the desk agrees to use."""
    from drukte.sense.sources.camera import attached

    cameras = attached()
    if not cameras or not sys.stdin.isatty():
        return None
    click.echo(f"A camera is attached: {cameras[0]}. Its pictures stay in memory and are overwritten at once.")
    return cameras[0] if click.confirm("Count with it instead of the recorded street?", default=False) else None


@contextmanager
def _both_rooms(site_file: Path) -> Iterator[subprocess.Popen[bytes]]:
    """`drukte run` in the background, in a group of its own so that Ctrl-C reaches it in order."""
    rooms = subprocess.Popen([sys.executable, "-m", "drukte", "run", "--site", str(site_file)], start_new_session=True)
    try:
        yield rooms
    finally:
        rooms.terminate()
        try:
            rooms.wait(15)
        except subprocess.TimeoutExpired:
            rooms.kill()


def prepare(sites: Path, folder: Path, broker: Running, camera: str | None) -> Path:
    """Write the site file of the demo: the shipped one with this machine's recording or camera, and its broker."""
    name = "demo-street.yaml" if camera is None else "desk-camera.yaml"
    content: dict[str, Any] = yaml.safe_load((sites / name).read_text(encoding="utf-8"))
    if camera is None:
        content["source"]["path"] = str(recording())
    else:
        content["source"]["device"] = camera
    content["mqtt"] = {"host": broker.host, "port": broker.port, "version": broker.version}
    site_file = folder / name
    site_file.write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True, default_style=None), "utf-8")
    load_site(site_file)
    return site_file


@click.command()
@click.option(
    "--sites",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    default=Path("firmware_config/sites"),
    show_default=True,
    help="Folder of the example site files.",
)
@click.option("--seconds", type=float, help="End by itself after this long.")
def demo(sites: Path, seconds: float | None) -> None:
    """Count people in a recorded street (or before your camera) and show the messages as they arrive."""
    try:
        try:
            find("yolox-nano")
        except ModelError:
            click.echo("== The person detector, once (4.9 MB)")
            pull("yolox-nano")
        camera = _camera()
        with local_broker() as broker, tempfile.TemporaryDirectory(prefix="drukte-demo-") as folder:
            os.environ["XDG_STATE_HOME"] = folder
            site_file = prepare(sites, Path(folder), broker, camera)
            site = load_site(site_file)
            topic = f"{site.mqtt.prefix}/{site.organisation}/{site.device}/#"
            click.echo(f"== {site.place.name}: counting. First numbers in about {site.tick} s; Ctrl-C ends it.")
            click.echo(f"   Broker: {broker.name} on {broker.host}:{broker.port}. Look for yourself with")
            click.echo(f"   mosquitto_sub -h {broker.host} -p {broker.port} -t '{site.mqtt.prefix}/#' -v")
            with _both_rooms(site_file) as rooms:
                _show(site.mqtt, topic, seconds)
                if rooms.poll() not in (None, Exit.OK):
                    raise DemoError("counting ended; see the line above that begins with 'run:' or 'sense:'")
    except (DemoError, ModelError, BrokerError) as error:
        raise click.ClickException(str(error)) from None


def _show(broker: Any, topic: str, seconds: float | None) -> None:
    if seconds is None:
        watch(broker, topic)
        return
    command = [sys.executable, "-m", "drukte", "watch", "--host", broker.host, "--port", str(broker.port)]
    viewer = subprocess.Popen([*command, "--mqtt", broker.version, "--topic", topic])
    try:
        time.sleep(seconds)
    except KeyboardInterrupt:
        pass
    finally:
        viewer.terminate()
        viewer.wait()
