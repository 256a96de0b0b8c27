"""`drukte setup`."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Final, NoReturn

import click
import yaml

from drukte.config import SiteError, load_site
from drukte.config.document import parse, read
from drukte.config.generic import NAME, leaves
from drukte.exits import Exit
from drukte.setup.questions import QUESTIONS, Language, Question, asked, flag
from drukte.setup.write import fragment, site_text

SITE: Final = Path("/etc/drukte/site.yaml")
RADAR: Final = Path("/usr/share/drukte/radar.conf")
RADAR_UNIT: Final = Path("/etc/systemd/system/drukte-sense.service.d/radar.conf")
_WORDS: Final = {
    "nl": {
        "hello": "Dit maakt het sitebestand {site}. Enter neemt wat tussen haakjes staat; Ctrl-C bewaart niets.",
        "shared": "Al bekend uit {file}: {keys}",
        "wrong": "Dat kan niet: {why}",
        "written": "Geschreven: {site}",
        "next": "Nu: sudo drukte doctor; sudo systemctl start drukte-sense drukte-report; drukte watch --site {site}",
        "started": "Gestart. Kijk mee met: drukte watch --site {site}",
    },
    "en": {
        "hello": "This makes the site file {site}. Enter takes what stands in brackets; Ctrl-C keeps nothing.",
        "shared": "Known already from {file}: {keys}",
        "wrong": "Not possible: {why}",
        "written": "Written: {site}",
        "next": "Next: sudo drukte doctor; sudo systemctl start drukte-sense drukte-report; drukte watch --site {site}",
        "started": "Started. Look along with: drukte watch --site {site}",
    },
}


def _flags(command: Any) -> Any:
    for question in reversed(QUESTIONS):
        command = click.option(flag(question.key), question.key.replace(".", "_"), help=question.en)(command)
    return command


@click.command()
@click.option("--site", "site_file", type=click.Path(path_type=Path, dir_okay=False), default=SITE, show_default=True)
@click.option("--language", type=click.Choice(["nl", "en"]), help="Of the questions; else that of the terminal.")
@click.option(
    "--ground-file",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="YAML with a `ground` section, in place of height, tilt and lens.",
)
@click.option(
    "--zones-file",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="YAML with a `zones` section, in place of one rectangle.",
)
@click.option("--yes", is_flag=True, help="Ask nothing: take defaults for what no flag says, fail for what has none.")
@click.option("--force", is_flag=True, help="Write over a site file that is there; the old one is kept beside it.")
@click.option("--start", is_flag=True, help="Start the services afterwards.")
@_flags
def setup(
    site_file: Path,
    language: Language | None,
    ground_file: Path | None,
    zones_file: Path | None,
    yes: bool,
    force: bool,
    start: bool,
    **flags: str | None,
) -> None:
    """First run on a new device: asks for purpose, place, sensor and broker, and writes the site file.

    Everything can be given by flags; with --yes nothing is asked. What generic.yaml beside the site file says already
    (organisation, broker) is not asked either. The file is checked before it is written.
    """
    tongue: Language = language or ("nl" if os.environ.get("LANG", "").startswith("nl") else "en")
    words = _WORDS[tongue]
    if site_file.exists() and not force:
        _stop(f"{site_file} is there already. To make it anew: --force; to change it: an editor, then drukte check")
    shared = _shared(site_file.parent / NAME)
    given: dict[str, Any] = {}
    for question in QUESTIONS:
        text = flags[question.key.replace(".", "_")]
        if text is not None:
            try:
                given[question.key] = question.read(text)
            except ValueError as error:
                _stop(f"{flag(question.key)} {text}: {error}")
    whole = frozenset(n for n, f in (("ground", ground_file), ("zones", zones_file)) if f is not None)
    ask = not yes and _at_terminal()
    if ask:
        click.echo(words["hello"].format(site=site_file))
        if shared:
            click.echo(words["shared"].format(file=site_file.parent / NAME, keys=", ".join(sorted(shared))))
    missing: list[str] = []
    for question in QUESTIONS:
        sensor = str(given.get("source.kind", shared.get("source.kind", "")))
        if not asked(question, sensor, {**shared, **given}, whole):
            continue
        if ask:
            given[question.key] = _ask(question, tongue)
        elif question.default is None:
            missing.append(flag(question.key))
        elif question.default:
            given[question.key] = question.read(question.default)
    if missing:
        _stop(f"not said, and no terminal to ask at: {' '.join(missing)}")
    given.setdefault("source.kind", shared.get("source.kind"))
    try:
        text = site_text(
            given,
            fragment(ground_file, "ground") if ground_file else None,
            fragment(zones_file, "zones") if zones_file else None,
        )
    except (OSError, ValueError, yaml.YAMLError) as error:
        _stop(f"{ground_file or zones_file}: {error}")
    _write(site_file, text)
    click.echo(words["written"].format(site=site_file))
    if str(given["source.kind"]).startswith("radar") and site_file == SITE and RADAR.exists():
        RADAR_UNIT.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(RADAR, RADAR_UNIT)
        _systemctl("daemon-reload")
    if start:
        _systemctl("restart", "drukte-report.service", "drukte-sense.service")
    click.echo(words["started" if start else "next"].format(site=site_file))


def _at_terminal() -> bool:
    return sys.stdin.isatty()


def _shared(path: Path) -> dict[str, Any]:
    """Values that the shared settings give, by key."""
    if not path.exists():
        return {}
    try:
        tree = parse(read(path), str(path)).tree
    except SiteError as error:
        _stop(str(error))
    return {".".join(map(str, where)): value for where, value in leaves(tree)}


def _ask(question: Question, language: Language) -> Any:
    while True:
        text = click.prompt(question.text(language), default=question.default, show_default=bool(question.default))
        if text == "" and question.default == "":
            return ""
        try:
            return question.read(text)
        except ValueError as error:
            click.echo(_WORDS[language]["wrong"].format(why=error))


def _write(site_file: Path, text: str) -> None:
    """Put the file in place once it is known to be right."""
    trial = site_file.with_name(f".{site_file.name}.new")
    try:
        site_file.parent.mkdir(parents=True, exist_ok=True)
        trial.write_text(text, encoding="utf-8")
        trial.chmod(0o644)
        load_site(trial)
        if site_file.exists():
            shutil.copy2(site_file, site_file.with_name(f"{site_file.name}.old"))
        trial.replace(site_file)
    except SiteError as error:
        trial.unlink(missing_ok=True)
        _stop(f"nothing was written:\n{str(error).replace(str(trial), str(site_file))}")
    except OSError as error:
        trial.unlink(missing_ok=True)
        _stop(f"{site_file} cannot be written: {error.strerror}. Run it as root: sudo drukte setup")


def _systemctl(*words: str) -> None:
    if Path("/run/systemd/system").is_dir():
        subprocess.run(["systemctl", *words], check=False)


def _stop(why: str) -> NoReturn:
    click.echo(f"setup: {why}", err=True)
    sys.exit(Exit.SITE)
