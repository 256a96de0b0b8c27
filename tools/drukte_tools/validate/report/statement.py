"""The public statement: one page each in Dutch and in English, for those who do not read statistics.

The words lie in `page/statement.*.yaml`, so that who speaks for a city can read and correct them.
"""

from importlib.resources import files
from typing import Any, Final

import yaml

from drukte_tools.validate.report.html import facts, listing, page, paragraph, text
from drukte_tools.validate.report.intervals import FEW_BLOCKS

LANGUAGES: Final = ("nl", "en")


def statement_page(found: dict[str, Any]) -> str:
    """Both languages on a page each, from `figures.figures`."""
    parts = []
    for language in LANGUAGES:
        section = [f'<section class="page statement" lang="{language}">', *_statement(found, language), "</section>"]
        parts += section
    titles = " / ".join(_words(language)["title"].format(device=found["device"]) for language in LANGUAGES)
    return page(titles, parts, LANGUAGES[0])


def _words(language: str) -> dict[str, Any]:
    source = files("drukte_tools.validate") / "page" / f"statement.{language}.yaml"
    words: dict[str, Any] = yaml.safe_load(source.read_text(encoding="utf-8"))
    return words


def _statement(found: dict[str, Any], language: str) -> list[str]:
    words, o = _words(language), found["overall"]

    def tenths(value: float) -> str:
        return f"{value:.1f}".replace(".", ",") if language == "nl" else f"{value:.1f}"

    first, last = (_day(found[key], language) for key in ("start", "end"))
    when = words["when_day" if first == last else "when"]
    told = {"organisation": found["organisation"], "zone": found["zone"], "first": first, "last": last}
    parts = [f"<h1>{text(words['title'].format(device=found['device']))}</h1>", paragraph(when.format(**told))]
    if o["total_ratio"]["low"] is None:
        parts.append(paragraph(words["too_few"], "big"))
    else:
        mae = {f"mae{end}": tenths(o["count_mae"][key]) for end, key in _ENDS.items()}
        parts.append(paragraph(words["headline"].format(**_hundreds("ratio", o["total_ratio"])), "big"))
        certain = words["certain"].format(**_hundreds("ratio", o["total_ratio"]), **mae, mean=tenths(o["mean_counted"]))
        parts += [paragraph(certain, "lead"), listing(_more(found, words, tenths(o["constant_mae"])))]
    return parts + _how(found, words, language)


def _more(found: dict[str, Any], words: dict[str, Any], constant_mae: str) -> list[str]:
    o = found["overall"]
    gain = o["gain_over_constant"]
    verdict = "better" if gain["low"] > 0 else "worse" if gain["high"] < 0 else "unknown"
    constant = words["constant"].format(constant=f"{o['constant']:g}", constant_mae=constant_mae)
    classes = [
        words["class"].format(
            name=row["name"].replace("and more", words["and_more"]),
            pictures=row["pictures"],
            **_hundreds("ratio", row["total_ratio"]),
        )
        for row in found["strata"]
        if row["by"] == "people" and row["blocks"] >= FEW_BLOCKS and row["total_ratio"]["low"] is not None
    ]
    within = words["within"].format(**_hundreds("share", o["share_within_1_or_20_percent"]))
    return [within, f"{constant} {words[verdict]}", *classes]


def _how(found: dict[str, Any], words: dict[str, Any], language: str) -> list[str]:
    doubted = found["pictures_doubted"]
    how = words["how"].format(
        kept=found["pictures_kept"],
        what=words[found["sensor"]],
        heads=words["heads"] if found["blur"] and found["sensor"] == "picture" else "",
        same=f"{100 * found['counters']['same_count']:.0f}",
        doubted=words["some_doubted"].format(number=doubted) if doubted else words["none_doubted"],
    )
    most = f"{found['overall']['most_counted']:.0f}"
    return [
        f"<h2>{text(words['how_title'])}</h2>",
        paragraph(" ".join(how.split())),
        paragraph(words["deleted"].format(delete_by=_day(found["delete_by"], language))),
        f"<h2>{text(words['not_title'])}</h2>",
        listing(line.format(most=most) for line in words["not"]),
        facts([(words[key], found[key]) for key in ("order", "asked_by", "purpose")]),
    ]


_ENDS: Final = {"": "value", "_low": "low", "_high": "high"}


def _hundreds(name: str, e: dict[str, Any]) -> dict[str, str]:
    """Value and ends of a share, in hundredths."""
    return {f"{name}{end}": f"{100 * e[key]:.0f}" for end, key in _ENDS.items()}


def _day(instant: str, language: str) -> str:
    """The date of an instant."""
    return f"{int(instant[8:10])}-{int(instant[5:7])}-{instant[:4]}" if language == "nl" else instant[:10]
