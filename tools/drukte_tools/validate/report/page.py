"""The report as a page for those who have to judge the device."""

from typing import Any

from drukte_tools.validate.report import plots
from drukte_tools.validate.report.html import (
    cell,
    facts,
    figure,
    interval,
    listing,
    number,
    page,
    paragraph,
    percent,
    table,
    tile,
)
from drukte_tools.validate.report.intervals import FEW_BLOCKS
from drukte_tools.validate.report.limits import cannot_tell, verdict

NAMES = {"people": "Number of people", "hour": "Hour of the day", "light": "Light"}
LEVEL_NAMES = {"safe": "safe", "low_risk": "low risk", "high_risk": "high risk", "undetermined": "undetermined"}


def report_page(found: dict[str, Any]) -> str:
    """The whole report from `figures.figures`."""
    body = [
        *_head(found),
        *_errors(found),
        *_strata(found),
        *_agreement(found),
        *_places(found),
        *_levels(found),
        *_counters(found),
        *_threshold(found),
        *_last(found),
    ]
    return page(f"How well does {found['device']} count?", body)


def _head(found: dict[str, Any]) -> list[str]:
    o = found["overall"]
    damaged = found.get("files_damaged") or []
    return [
        f"<h1>How well does {found['device']} count?</h1>",
        paragraph(f"{found['organisation']}, zone {found['zone']}. {verdict(found)}", "lead"),
        facts(
            [
                ("Order", f"{found['order']}, asked by {found['asked_by']}: {found['purpose']}"),
                ("Span", f"{found['start']} to {found['end']}, moments drawn by chance, plan {found['plan']}"),
                (
                    "Pictures",
                    f"{found['pictures_ordered']} ordered, {found['pictures_kept']} kept, {len(damaged)} damaged, "
                    f"{found['pictures_doubted']} left out because people could not be counted, "
                    f"{o['pictures']} compared, in {o['blocks']} blocks of {found['block']} s",
                ),
                ("Device", f"{found['sensor']}; {found['model']}; drukte {found['software'] or '-'}"),
                ("To be deleted by", found["delete_by"]),
            ]
        ),
    ]


def _errors(found: dict[str, Any]) -> list[str]:
    o = found["overall"]
    return [
        "<h2>Errors of the count</h2>",
        '<div class="tiles">',
        tile("Mean absolute error", number(o["count_mae"]["value"]), f"people; 95 %: {interval(o['count_mae'])}"),
        tile(
            "Bias (device minus hand)",
            number(o["count_bias"]["value"], sign=True),
            f"people; 95 %: {interval(o['count_bias'], sign=True)}",
        ),
        tile(
            "Total ratio",
            percent(o["total_ratio"]["value"], 1),
            f"95 %: {interval(o['total_ratio'], share=True)}",
        ),
        tile(
            "Within 1 person or 20 %",
            percent(o["share_within_1_or_20_percent"]["value"]),
            f"95 % (Wilson): {interval(o['share_within_1_or_20_percent'], share=True)}",
        ),
        tile(
            f"Always saying {o['constant']:g}",
            number(o["constant_mae"]),
            f"people off on average; device better by {number(o['gain_over_constant']['value'])} "
            f"({interval(o['gain_over_constant'], sign=True)})",
        ),
        "</div>",
        paragraph(
            f"On average {o['mean_counted']:.2f} people were there, and at most {o['most_counted']:.0f}. Always saying "
            f"{o['constant']:g}, the median, needs no device: one that does not beat it is of no use here. Pictures of "
            "the same block of time count as alike; strata weigh as much as the time they cover. The hand count may "
            f"itself be wrong by {100 * found['counters']['allowance']:.1f} people in a hundred; the intervals are "
            "widened by that.",
            "small",
        ),
    ]


def _strata(found: dict[str, Any]) -> list[str]:
    parts = ["<h2>Under which conditions</h2>"]
    for by, name in NAMES.items():
        rows = [row for row in found["strata"] if row["by"] == by]
        if not rows:
            parts.append(paragraph(f"{name}: not known, since the order does not say where on Earth the place is."))
            continue
        parts.append(
            table(
                f"{name}. Grey: fewer than {FEW_BLOCKS} blocks of time, which proves nothing.",
                [name, "pictures", "of the time", "mean counted", "MAE", "bias", "total ratio", "within 1 or 20 %"],
                [("thin" if row["blocks"] < FEW_BLOCKS else "", _stratum(row)) for row in rows],
            )
        )
        if by == "people":
            parts.append(
                paragraph(
                    "Classes by the hand count. Pictures in which chance put many people come out low and those with "
                    "few come out high even for a device without bias.",
                    "small",
                )
            )
    units = {"people": "people", "hour": "h", "light": ""}
    ratios = [(f"{r['name']} {units[r['by']]}", r["total_ratio"]) for r in found["strata"] if r["blocks"] >= FEW_BLOCKS]
    if len(ratios) > 1:
        drawing = plots.whiskers(ratios, "Total ratio by condition", line=1.0, percent=True)
        parts.append(
            figure(drawing, "Total ratio by condition with its 95 % interval; the dashed line is a right count.")
        )
    return parts


def _stratum(row: dict[str, Any]) -> list[str]:
    cells = [
        cell(row["name"]),
        cell(str(row["pictures"]), "1 block" if row["blocks"] == 1 else f"{row['blocks']} blocks"),
    ]
    cells += [cell(percent(row["share_of_time"])), cell(number(row["mean_counted"], 1))]
    for key, sign in (("count_mae", False), ("count_bias", True)):
        e = row[key]
        cells.append(cell(number(e["value"], sign=sign), "" if e["low"] is None else interval(e, sign=sign)))
    for key in ("total_ratio", "share_within_1_or_20_percent"):
        e = row[key]
        cells.append(cell(percent(e["value"]), "" if e["low"] is None else interval(e, share=True)))
    return cells


def _agreement(found: dict[str, Any]) -> list[str]:
    o = found["overall"]
    low, high = o["limits_of_agreement"]
    drawing = plots.bland_altman(found["pairs"], o["count_bias"]["value"], o["limits_of_agreement"])
    return [
        "<h2>Picture by picture</h2>",
        figure(
            drawing,
            f"Each disc is one picture or several alike (Bland and Altman). In 95 of 100 pictures the device is off by "
            f"{low:+.1f} to {high:+.1f} people.",
        ),
    ]


def _places(found: dict[str, Any]) -> list[str]:
    p = found["places"]
    if p is None:
        return []
    parts = [
        "<h2>Who is missed, and where</h2>",
        paragraph(
            f"Of {p['people_marked']} people marked by hand the device had {p['people_found']} at the same place; "
            f"{p['people_false']} of its people were nobody. Its places were off by "
            f"{number(p['place_error_median_m'])} m "
            f"in the middle and {number(p['place_error_p90_m'])} m in the worst tenth. The two counters' own marks "
            f"of one "
            f"person lay {number(p['counters_apart_median_m'])} m apart: finer than that a hand does not tell."
        ),
    ]
    if p["by_distance"]:
        parts.append(
            figure(
                plots.by_distance(p["by_distance"]),
                "By distance from the sensor. Whiskers: 95 % (Wilson), as if every person were independent.",
            )
        )
    return parts


def _levels(found: dict[str, Any]) -> list[str]:
    v = found["levels"]
    if v is None:
        return []
    names = [LEVEL_NAMES[n] for n in v["names"][:-1]]
    limits = v["limits_m"]
    rows: list[tuple[str, list[str]]] = []
    for i, row in enumerate(v["matrix"]):
        first = f"by hand {names[i]}" if i < len(names) else "nobody by hand"
        cells = [cell(first)]
        for j, n in enumerate(row):
            blank = i == j == len(names)
            cells.append(cell("" if blank else str(n), kind="right" if i == j and not blank else ""))
        rows.append(("", cells))
    means = ", ".join(
        f"{LEVEL_NAMES[n]} {v['hand_mean'][n]:.1f} by hand and {v['device_mean'][n]:.1f} by the device"
        for n in v["names"][:-1]
    )
    return [
        "<h2>Closeness levels</h2>",
        table(
            f"People by level: high risk is nearer than {limits['high_risk']:g} m to somebody in the zone, low "
            f"risk nearer "
            f"than {limits['low_risk']:g} m.",
            ["", *(f"device {n}" for n in names), "missed"],
            rows,
        ),
        paragraph(
            f"{percent(v['same_level'])} of the {v['matched']} people found by both have the same level. Mean "
            f"number of "
            f"people in a picture: {means}; of {v['device_mean']['undetermined']:.1f} the device says that it "
            f"cannot tell."
        ),
    ]


def _counters(found: dict[str, Any]) -> list[str]:
    c = found["counters"]
    return [
        "<h2>The two counters</h2>",
        paragraph(
            f"{' and '.join(c['names'])} counted alone, without seeing each other's or the device's result. In "
            f"{percent(c['same_count'])} of the pictures they counted the same number, in {percent(c['within_one'])} "
            f"within one; their difference lay between {c['limits_of_agreement'][0]:+.1f} and "
            f"{c['limits_of_agreement'][1]:+.1f} people in 95 of 100. Both marked {c['marked_by_both']} people, "
            f"only one "
            f"of them {c['marked_by_one']}: each misses or invents about {100 * c['error_rate']:.1f} in a hundred. "
            f"{c['settled']} pictures in dispute were settled in a third look."
        ),
    ]


def _threshold(found: dict[str, Any]) -> list[str]:
    t = found["threshold"]
    if t is None:
        return []
    gain = t["gain_on_other_pictures"]
    if t["suggested"] is not None:
        words = (
            f"A threshold (model.score) of {t['suggested']:g} instead of {t['now']:g} would have counted better, also "
            f"on pictures that took no part in choosing it: by {number(gain['value'])} people a picture "
            f"({interval(gain)}). Whoever sets it must prove it on another sample; the figures above do not hold "
            f"for it."
        )
    elif not t["enough_blocks"]:
        words = "There are too few blocks of time to suggest another threshold."
    else:
        words = f"No other threshold than {t['now']:g} is proven better by these pictures; leave it."
    return [
        "<h2>Threshold</h2>",
        paragraph(words),
        figure(
            plots.threshold_curve(t["curve"], t["now"], t["best"]),
            "Count error of the detector alone, without the tracker, over its threshold.",
        ),
        paragraph(
            "Never multiply the device's numbers by a factor to make them fit. It would hide whom the device does "
            "not see, "
            "who are not the same share in every crowd and every light.",
            "small",
        ),
    ]


def _last(found: dict[str, Any]) -> list[str]:
    files = found.get("files") or {}
    return [
        "<h2>What these pictures cannot tell</h2>",
        listing(cannot_tell(found)),
        "<h2>How it was reckoned</h2>",
        paragraph(
            "Means and ratios: bootstrap-t over blocks of time within strata, or Student's t where it reaches further. "
            "Shares: Wilson's interval at the effective number of pictures. Pictures were matched by place, one to "
            "one, "
            "within 1 m or 5 % of the distance. What these intervals cover was measured on simulated samples: "
            "python -m drukte_tools.validate.coverage.",
            "small",
        ),
        facts([(name, digest) for name, digest in files.items()]),
    ]
