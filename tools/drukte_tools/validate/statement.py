"""The public statement: one page each in Dutch and in English, for those who do not read statistics."""

from collections.abc import Callable
from typing import Any

from drukte_tools.validate.html import facts, listing, page, paragraph, text
from drukte_tools.validate.intervals import FEW_BLOCKS

Words = Callable[[dict[str, Any]], list[str]]


def statement_page(found: dict[str, Any]) -> str:
    """Both languages on a page each."""
    parts = [
        '<section class="page statement" lang="nl">',
        *_dutch(found),
        "</section>",
        '<section class="page statement" lang="en">',
        *_english(found),
        "</section>",
    ]
    return page(f"{found['device']}: hoe goed telt dit apparaat? How well does it count?", parts, "nl")


def _comma(value: float, digits: int) -> str:
    return f"{value:.{digits}f}".replace(".", ",")


def _day(instant: str) -> str:
    return f"{int(instant[8:10])}-{int(instant[5:7])}-{instant[:4]}"


def _proven(found: dict[str, Any]) -> bool:
    return found["overall"]["total_ratio"]["low"] is not None


def _strata(found: dict[str, Any]) -> list[dict[str, Any]]:
    return [r for r in found["strata"] if r["by"] == "people" and r["blocks"] >= FEW_BLOCKS and r["name"] != "0"]


def _dutch(found: dict[str, Any]) -> list[str]:
    o, c = found["overall"], found["counters"]
    ratio, share, mae, gain = (
        o[k] for k in ("total_ratio", "share_within_1_or_20_percent", "count_mae", "gain_over_constant")
    )
    parts = [f"<h1>Hoe goed telt {text(found['device'])}?</h1>"]
    parts.append(
        paragraph(
            f"{found['organisation']}, zone {found['zone']}. Meetperiode {_day(found['start'])} tot "
            f"{_day(found['end'])}."
        )
    )
    if not _proven(found):
        parts.append(paragraph("Te weinig beelden om er iets over te zeggen", "big"))
    else:
        parts.append(paragraph(f"Van elke 100 mensen telt het apparaat er {100 * ratio['value']:.0f}", "big"))
        parts.append(
            paragraph(
                f"Met 95 % zekerheid zijn het er tussen {100 * ratio['low']:.0f} en {100 * ratio['high']:.0f}. Per "
                f"moment zit "
                f"het er gemiddeld {_comma(mae['value'], 1)} mensen naast (tussen {_comma(mae['low'], 1)} en "
                f"{_comma(mae['high'], 1)}), terwijl er gemiddeld {_comma(o['mean_counted'], 1)} mensen waren.",
                "lead",
            )
        )
        better = (
            "Het apparaat doet het dus beter dan gokken."
            if gain["low"] > 0
            else "Gokken is hier dus beter dan het apparaat."
            if gain["high"] < 0
            else "Of het apparaat het beter doet dan gokken, is met deze beelden niet te zeggen."
        )
        items = [
            f"In {100 * share['value']:.0f} van de 100 momenten zat het er hoogstens 1 mens of 20 % naast "
            f"(tussen {100 * share['low']:.0f} en {100 * share['high']:.0f}).",
            f"Wie zonder apparaat altijd hetzelfde getal zegt ({o['constant']:g}), zit er gemiddeld "
            f"{_comma(o['constant_mae'], 1)} naast. {better}",
        ]
        items += [
            f"Met {row['name'].replace('and more', 'en meer')} mensen in beeld: van elke 100 telt het er "
            f"{100 * row['total_ratio']['value']:.0f} (tussen {100 * row['total_ratio']['low']:.0f} en "
            f"{100 * row['total_ratio']['high']:.0f}; {row['pictures']} beelden)."
            for row in _strata(found)
        ]
        parts.append(listing(items))
    radar = found["sensor"] == "echoes"
    heads = (
        "hoofden van mensen die het apparaat zag, waren daarop onherkenbaar gemaakt. "
        if found["blur"] and not radar
        else ""
    )
    parts += [
        "<h2>Hoe is dat gemeten?</h2>",
        paragraph(
            f"Op {found['pictures_kept']} door het toeval gekozen momenten is "
            f"{'een radarbeeld' if radar else 'een foto'} bewaard, "
            f"versleuteld, op gezamenlijk bevel van een technicus en een privacyfunctionaris; {heads}"
            f"Twee mensen telden elk apart, zonder elkaars uitkomst of die van het apparaat te zien; in "
            f"{100 * c['same_count']:.0f} van de 100 beelden telden zij hetzelfde. {found['pictures_doubted']} "
            f"beelden waren niet "
            "te tellen en doen niet mee."
        ),
        paragraph(
            f"Alle beelden worden uiterlijk {_day(found['delete_by'])} gewist. Daarbuiten bewaart het apparaat "
            f"geen beelden."
        ),
        "<h2>Wat zegt dit niet?</h2>",
        listing(
            [
                f"Hoe goed het telt in ander weer, in een ander seizoen, of bij meer dan {o['most_counted']:.0f} "
                f"mensen tegelijk.",
                "Hoe goed het telt wie een lijn oversteekt: een foto laat geen beweging zien.",
                "Hoeveel mensen er niet te zien waren, ook niet voor de tellers.",
            ]
        ),
        facts([("Opdracht", found["order"]), ("Gevraagd door", found["asked_by"]), ("Doel", found["purpose"])]),
    ]
    return parts


def _english(found: dict[str, Any]) -> list[str]:
    o, c = found["overall"], found["counters"]
    ratio, share, mae, gain = (
        o[k] for k in ("total_ratio", "share_within_1_or_20_percent", "count_mae", "gain_over_constant")
    )
    parts = [f"<h1>How well does {text(found['device'])} count?</h1>"]
    parts.append(
        paragraph(
            f"{found['organisation']}, zone {found['zone']}. Measured {found['start'][:10]} to {found['end'][:10]}."
        )
    )
    if not _proven(found):
        parts.append(paragraph("Too few pictures to tell", "big"))
    else:
        parts.append(paragraph(f"Of every 100 people the device counts {100 * ratio['value']:.0f}", "big"))
        parts.append(
            paragraph(
                f"We are 95 % sure that it is between {100 * ratio['low']:.0f} and {100 * ratio['high']:.0f}. At "
                f"any one moment "
                f"it is off by {mae['value']:.1f} people on average (between {mae['low']:.1f} and "
                f"{mae['high']:.1f}), while "
                f"{o['mean_counted']:.1f} people were there on average.",
                "lead",
            )
        )
        better = (
            "So the device does better than guessing."
            if gain["low"] > 0
            else "So guessing does better here than the device."
            if gain["high"] < 0
            else "Whether the device does better than guessing cannot be told from these pictures."
        )
        items = [
            f"At {100 * share['value']:.0f} of 100 moments it was off by no more than 1 person or 20 % "
            f"(between {100 * share['low']:.0f} and {100 * share['high']:.0f}).",
            f"Always saying the same number ({o['constant']:g}), without any device, is off by "
            f"{o['constant_mae']:.1f} on average. {better}",
        ]
        items += [
            f"With {row['name']} people in the picture: of every 100 it counts {100 * row['total_ratio']['value']:.0f} "
            f"(between {100 * row['total_ratio']['low']:.0f} and {100 * row['total_ratio']['high']:.0f}; "
            f"{row['pictures']} pictures)."
            for row in _strata(found)
        ]
        parts.append(listing(items))
    radar = found["sensor"] == "echoes"
    heads = "; heads of people whom the device saw had been made unrecognisable" if found["blur"] and not radar else ""
    parts += [
        "<h2>How was that measured?</h2>",
        paragraph(
            f"At {found['pictures_kept']} moments chosen by chance a {'radar image' if radar else 'picture'} was "
            f"kept, encrypted, by "
            f"an order that a technician and a privacy officer had both signed{heads}. Two people counted, each "
            f"alone, without "
            f"seeing the other's result or the device's; in {100 * c['same_count']:.0f} of 100 pictures they "
            f"counted the same. "
            f"{found['pictures_doubted']} pictures could not be counted and were left out."
        ),
        paragraph(
            f"All pictures are deleted by {found['delete_by'][:10]}. Apart from these the device keeps no pictures."
        ),
        "<h2>What does this not tell?</h2>",
        listing(
            [
                f"How well it counts in other weather, in another season, or with more than "
                f"{o['most_counted']:.0f} people at once.",
                "How well it counts who crosses a line: a picture shows no movement.",
                "How many people could not be seen, not even by the counters.",
            ]
        ),
        facts([("Order", found["order"]), ("Asked by", found["asked_by"]), ("Purpose", found["purpose"])]),
    ]
    return parts
