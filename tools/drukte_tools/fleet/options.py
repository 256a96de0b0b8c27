"""How the fleet commands are told to reach the broker: the same keys as `mqtt` in a site file."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
import yaml
from pydantic import ValidationError

from drukte.config.report import Mqtt
from drukte.signing import reasons
from drukte_tools.fleet.bus import FleetError

_Command = TypeVar("_Command", bound=Callable[..., Any])
_KEYS = (
    ("host", str, "Broker; localhost if neither this nor --broker tells it."),
    ("port", int, "TCP port of the broker."),
    ("username", str, "User name at the broker."),
    ("password_file", str, "File with the password in its first line, mode 0600."),
    ("ca_file", str, "Certificate authority (PEM) of the broker; switches TLS on."),
    ("certificate_sha256", str, "Accept only the broker certificate with this fingerprint; switches TLS on."),
    ("certificate_file", str, "Your own certificate (PEM)."),
    ("key_file", str, "Private key of that certificate (PEM), mode 0600."),
    ("prefix", str, "Start of every topic."),
)


def broker_options(command: _Command) -> _Command:
    """The options; the command takes them as `**given` and hands them to `broker_of`."""
    for key, kind, text in reversed(_KEYS):
        option = f"--{key.replace('_', '-')}"
        command = click.option(option, key, type=kind, help=text, envvar=f"DRUKTE_FLEET_{key.upper()}")(command)
    command = click.option(
        "--mqtt", "version", type=click.Choice(["5", "3.1.1"]), help="MQTT version.", envvar="DRUKTE_FLEET_MQTT"
    )(command)
    return click.option(
        "--broker",
        "broker_file",
        type=click.Path(path_type=Path, dir_okay=False),
        envvar="DRUKTE_FLEET_BROKER",
        help="File with the keys of `mqtt` in a site file; options go before it.",
    )(command)


def broker_of(given: dict[str, Any]) -> tuple[Mqtt, Path]:
    """The broker that options and file tell, and the folder that file names start from.

    Raises:
        FleetError: they do not fit; names the key.
    """
    file: Path | None = given.pop("broker_file")
    told = {key: value for key, value in given.items() if value is not None}
    name, base = "options", Path()
    tree: Any = {}
    if file is not None:
        name, base = str(file), file.parent
        try:
            tree = yaml.safe_load(file.read_text(encoding="utf-8"))
        except OSError as error:
            raise FleetError(f"{file}: cannot be read ({error.strerror})") from None
        except (yaml.YAMLError, UnicodeDecodeError, RecursionError):
            raise FleetError(f"{file}: is not YAML") from None
        if isinstance(tree, dict) and isinstance(tree.get("mqtt"), dict):
            tree = tree["mqtt"]
        if not isinstance(tree, dict):
            raise FleetError(f"{file}: must hold the keys of `mqtt` in a site file, as in `host: broker.example.org`")
        for key in ("password_file", "ca_file", "certificate_file", "key_file"):
            if key in told:
                told[key] = str(Path(told[key]).absolute())
    try:
        return Mqtt.model_validate(tree | told), base
    except ValidationError as error:
        raise FleetError(f"{name}:\n" + reasons(error)) from None
