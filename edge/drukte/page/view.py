"""The page as HTML: one document, no script needed, nothing from elsewhere."""

from datetime import UTC, datetime
from html import escape
from typing import Final
from zoneinfo import ZoneInfo

from drukte.config import Site
from drukte.page.chart import chart
from drukte.page.facts import Facts
from drukte.page.words import LANGUAGES, WORDS
from drukte.report.formats.native import Busyness, Observation, seconds
from drukte.report.ledger.attest import REQUIRED
from drukte.summary import SEAL

FRESH: Final = 30
"""Seconds after which the page is loaded anew."""


class View:
    """Draws the page of one device.

    Args:
        site: the checked site file.
    """

    def __init__(self, site: Site) -> None:
        self._site = site
        self._place = ZoneInfo(site.place.time_zone)

    def page(self, facts: Facts, language: str) -> str:
        """The document, in one of `LANGUAGES`."""
        say = WORDS[language]
        other = LANGUAGES[1 - LANGUAGES.index(language)]
        zones = "".join(self._zone(zone.name, facts, say) for zone in self._site.zones)
        name = escape(self._site.place.name)
        return (
            f'<!doctype html><html lang="{language}"><head><meta charset="utf-8">'
            f'<meta name="viewport" content="width=device-width, initial-scale=1"><title>{say["title"]} {name}</title>'
            f'<meta name="color-scheme" content="light dark"><link rel="stylesheet" href="page.css">'
            f'<script src="page.js" defer data-every="{FRESH}"></script></head>'
            f"<body><header><h1>{say['title']}</h1><p>{name}</p>"
            f'<a href="?lang={other}" lang="{other}" hreflang="{other}">{say["other"]}</a></header>'
            f"<main>{zones}{self._device(facts, say)}</main>"
            f"<footer><p>{say['promise']}</p><p>{say['person']}</p>"
            f"<p>{say['updated']} <time>{self._clock(facts.at, '%d-%m-%Y %H:%M:%S')}</time></p></footer></body></html>"
        )

    def _zone(self, zone: str, facts: Facts, say: dict[str, str]) -> str:
        last, meaning = facts.latest.get(zone), facts.meaning.get(zone)
        if last is None or meaning is None:
            return f"<section><h2>{escape(zone)}</h2><p>{say['none_yet']}</p></section>"
        number, unit = self._people(last, say)
        level = f'<p class="level {meaning.level}">{say[meaning.level]}</p>' if meaning.level else ""
        compared = f"<p>{say[meaning.compared]}</p>" if meaning.compared else ""
        if meaning.usual.status == "not_enough_history":
            compared = f"<p>{say['no_history']}</p>"
        span = f"{self._clock(seconds(last.from_))}-{self._clock(seconds(last.to))}"
        return (
            f'<section><h2>{escape(zone)}</h2><div class="now"><p class="number">{number}<span> {unit}</span></p>'
            f"{level}</div><p>{say['now']}: <time>{span}</time></p>{compared}{self._expected(meaning, say)}"
            f"{chart(facts.today.get(zone, {}), facts.usual.get(zone, {}), say)}</section>"
        )

    def _people(self, o: Observation, say: dict[str, str]) -> tuple[str, str]:
        match o.people.status:
            case "shown":
                return f"{o.people.mean:g}", say["people"]
            case "under_5":
                return say["open_few" if o.disclosure.policy == "open" else "few"], say["people"]
            case "not_observed" | "not_measured":
                return "-", say["not_observed"]
            case _:
                return "-", say["suppressed"]

    def _expected(self, meaning: Busyness, say: dict[str, str]) -> str:
        if not meaning.forecast:
            return ""
        hours = ", ".join(
            f"{self._clock(seconds(one.from_))}: {one.people:.0f} ({one.low:.0f}-{one.high:.0f})"
            for one in meaning.forecast
        )
        return f"<p>{say['expected']}: {hours}</p>"

    def _device(self, facts: Facts, say: dict[str, str]) -> str:
        purpose, status = self._site.purpose, facts.status
        rows = [(say["sensing"], say["unknown"])]
        if status is not None:
            rows = [
                (say["sensing"], say["yes" if status.get("sensing") else "no"]),
                (say["state"], say.get(str(status.get("state")), escape(str(status.get("state"))))),
            ]
            if status.get("seal") is not None:
                rows.append((say["sealed"], say["seal_yes" if _sealed(int(status["seal"])) else "seal_no"]))
            for name, told in (status.get("brokers") or {}).items():
                condition = escape(f"{name}: {told.get('condition')}, {told.get('waiting')}")
                rows.append((say["brokers"], f"{condition} {say['waiting']}"))
        for key, part in (("complete", facts.observed), ("good", facts.good)):
            if part is not None:
                rows.append((say[key], f"{100 * part:.0f} %"))
        rows += [
            (say["protection"], say[self._site.disclosure.policy]),
            (say["purpose"], escape(purpose.what_for)),
            (say["controller"], escape(purpose.controller)),
            (say["contact"], escape(purpose.contact)),
            (say["until"], purpose.valid_until.strftime("%d-%m-%Y")),
        ]
        listed = "".join(f"<div><dt>{key}</dt><dd>{value}</dd></div>" for key, value in rows)
        return f"<section><h2>{say['device']}</h2><dl>{listed}</dl></section>"

    def _clock(self, moment: float, shape: str = "%H:%M") -> str:
        return datetime.fromtimestamp(moment, UTC).astimezone(self._place).strftime(shape)


def _sealed(bits: int) -> bool:
    """As the privacy attestation says it."""
    return {name for bit, name in enumerate(SEAL) if bits >> bit & 1} >= REQUIRED
