"""What the wizard asks, in Dutch and English, and what counts as an answer."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field, TypeAdapter, ValidationError

from drukte.config.base import Line, Name
from drukte.config.ground import PRESETS
from drukte.config.purpose import LEGAL_GROUNDS, Place

Language = Literal["nl", "en"]
SENSORS: Final = ("camera", "picamera", "radar-ti", "radar-ld2450", "radar-rd03d", "video")


def _to_come(day: date) -> date:
    if day < date.today():
        raise ValueError("that day is past")
    return day


def _zone(name: str) -> str:
    return Place(name="x", time_zone=name).time_zone


@dataclass(frozen=True, slots=True)
class Question:
    """One question.

    Attributes:
        key: where the answer goes in the site file, as `purpose.contact`; also the flag, see `flag`.
        kind: type that checks the answer.
        nl, en: the question.
        default: answer of an empty line; None when one has to be given, "" when it may be left out.
        only: asked only for these sensors; empty for all.
    """

    key: str
    kind: Any
    nl: str
    en: str
    default: str | None = None
    only: tuple[str, ...] = ()

    def text(self, language: Language) -> str:
        """The question in that language."""
        return self.nl if language == "nl" else self.en

    def read(self, answer: str) -> Any:
        """The answer as a value. Raises ValueError that says what is allowed."""
        try:
            return TypeAdapter(self.kind).validate_python(answer)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            if first["type"] == "string_pattern_mismatch":
                raise ValueError("1 to 40 lower-case letters, digits and inner hyphens") from None
            raise ValueError(str(first.get("ctx", {}).get("error", first["msg"]))) from None


_RADARS: Final = tuple(s for s in SENSORS if s.startswith("radar"))
_CAMERAS: Final = ("camera", "picamera")
_Number = Annotated[float, BeforeValidator(lambda text: str(text).replace(",", "."))]
_Port = Annotated[int, Field(ge=1, le=65535)]
_Lens = Annotated[str, AfterValidator(lambda name: name if name in PRESETS else str(_degrees(name)))]


def _degrees(text: str) -> float:
    try:
        value = float(text.replace(",", "."))
    except ValueError:
        value = 0.0
    if not 5 < value < 170:
        raise ValueError(f"one of {', '.join(PRESETS)}, or degrees between 5 and 170")
    return value


QUESTIONS: Final = (
    Question(
        "organisation",
        Name,
        "Korte naam van de organisatie (kleine letters)",
        "Short name of the organisation (lower-case)",
    ),
    Question("device", Name, "Naam van dit apparaat", "Name of this device"),
    Question(
        "purpose.what_for",
        Line,
        "Waarvoor zijn de tellingen, in één zin voor een voorbijganger",
        "What the numbers are for, in one sentence for a passer-by",
    ),
    Question("purpose.controller", Line, "Verwerkingsverantwoordelijke", "Controller: who decides about this counting"),
    Question(
        "purpose.legal_ground",
        LEGAL_GROUNDS,
        "Grondslag (AVG artikel 6)",
        "Legal ground (GDPR article 6)",
        "public_task",
    ),
    Question(
        "purpose.legal_basis",
        Line,
        "Wet of besluit waarop die steunt (mag leeg)",
        "Law or decision it rests on (may be empty)",
        "",
    ),
    Question(
        "purpose.contact", Line, "Waar kunnen mensen terecht met vragen of bezwaar", "Where people can ask or object"
    ),
    Question(
        "purpose.valid_until",
        Annotated[date, AfterValidator(_to_come)],
        "Laatste dag van het tellen (JJJJ-MM-DD)",
        "Last day of counting (YYYY-MM-DD)",
    ),
    Question("place.name", Line, "Naam van de plek", "Name of the place"),
    Question(
        "place.latitude",
        Annotated[_Number, Field(ge=-90, le=90)],
        "Breedtegraad (mag leeg)",
        "Latitude, degrees (may be empty)",
        "",
    ),
    Question(
        "place.longitude",
        Annotated[_Number, Field(ge=-180, le=180)],
        "Lengtegraad (mag leeg)",
        "Longitude, degrees (may be empty)",
        "",
    ),
    Question("place.time_zone", Annotated[str, AfterValidator(_zone)], "Tijdzone", "Time zone", "Europe/Amsterdam"),
    Question(
        "source.kind", Literal[SENSORS], f"Sensor: {', '.join(SENSORS)}", f"Sensor: {', '.join(SENSORS)}", "camera"
    ),
    Question("source.device", Line, "Camera", "Camera", "/dev/video0", ("camera",)),
    Question(
        "source.module",
        Literal["iwr6843isk", "iwr6843aop", "iwrl6432"],
        "Radarbord",
        "Radar board",
        "iwr6843isk",
        ("radar-ti",),
    ),
    Question(
        "source.port", Line, "Seriële poort van de radar", "Serial port of the radar", "/dev/drukte-radar-data", _RADARS
    ),
    Question("source.path", Line, "Videobestand", "Video file", None, ("video",)),
    Question(
        "ground.height",
        Annotated[_Number, Field(gt=0.3, le=60)],
        "Hoogte van de sensor boven de grond, m",
        "Height of the sensor above the ground, m",
        None,
        (*_CAMERAS, *_RADARS),
    ),
    Question(
        "ground.tilt",
        Annotated[_Number, Field(ge=-20, le=90)],
        "Hoek onder de horizon, graden (90: recht omlaag)",
        "Angle below the horizon, degrees (90: straight down)",
        None,
        (*_CAMERAS, *_RADARS),
    ),
    Question(
        "ground.lens",
        _Lens,
        f"Camera of openingshoek in graden ({', '.join(PRESETS)})",
        f"Camera, or horizontal field of view in degrees ({', '.join(PRESETS)})",
        None,
        _CAMERAS,
    ),
    Question("zone.name", Name, "Naam van de zone", "Name of the zone", "square"),
    Question(
        "zone.width",
        Annotated[_Number, Field(gt=0, le=200)],
        "Breedte van de zone, m",
        "Width of the zone, m",
        "6",
        (*_CAMERAS, *_RADARS),
    ),
    Question(
        "zone.near",
        Annotated[_Number, Field(ge=0, le=200)],
        "Waar de zone begint, m van de sensor",
        "Where the zone begins, m from the sensor",
        "2",
        (*_CAMERAS, *_RADARS),
    ),
    Question(
        "zone.far",
        Annotated[_Number, Field(gt=0, le=200)],
        "Waar de zone eindigt, m van de sensor",
        "Where the zone ends, m from the sensor",
        "8",
        (*_CAMERAS, *_RADARS),
    ),
    Question("mqtt.host", Line, "Broker", "Broker"),
    Question("mqtt.port", _Port, "Poort van de broker", "Port of the broker", "8883"),
    Question(
        "mqtt.ca_file",
        Line,
        "Bestand met de certificaatautoriteit (leeg: geen TLS)",
        "File of the certificate authority (empty: no TLS)",
        "",
    ),
    Question(
        "mqtt.certificate_file",
        Line,
        "Certificaat van dit apparaat (mag leeg)",
        "This device's certificate (may be empty)",
        "",
    ),
    Question("mqtt.key_file", Line, "Sleutel daarbij (mag leeg)", "Key of that certificate (may be empty)", ""),
    Question(
        "mqtt.username", Line, "Gebruikersnaam bij de broker (mag leeg)", "User name at the broker (may be empty)", ""
    ),
    Question(
        "mqtt.password_file", Line, "Bestand met het wachtwoord (mag leeg)", "File with the password (may be empty)", ""
    ),
)


def flag(key: str) -> str:
    """Name of the command line flag for a key: `--valid-until`, `--broker-host`, `--zone-name`."""
    section, _, name = key.rpartition(".")
    names = {
        "purpose": name,
        "place": name,
        "source": name,
        "ground": name,
        "zone": f"zone_{name}",
        "mqtt": f"broker_{name}",
    }
    special = {
        "place.name": "place",
        "source.kind": "sensor",
        "source.device": "camera_device",
        "organisation": "organisation",
    }
    return "--" + special.get(key, names.get(section, key)).replace("_", "-")


def asked(question: Question, sensor: str, given: Mapping[str, Any], whole: frozenset[str]) -> bool:
    """Whether a question needs an answer.

    Args:
        question: the question.
        sensor: kind of the sensor, "" while not known.
        given: keys that have a value already, by flag or by the shared settings.
        whole: sections that come from a file: ground, zones.
    """
    if question.key in given or (question.only and sensor not in question.only):
        return False
    section = question.key.partition(".")[0]
    return not (section == "ground" and "ground" in whole) and not (section == "zone" and "zones" in whole)
