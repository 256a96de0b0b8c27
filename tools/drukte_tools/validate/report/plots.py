"""The report's figures, drawn as SVG."""

import itertools
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from drukte_tools.validate.report.svg import Svg

INK: Final = "#1b3a5c"
SOFT: Final = "#9db4cc"
GRID: Final = "#dddddd"
WARM: Final = "#b3541e"


def ticks(low: float, high: float, about: int = 6) -> list[float]:
    """Round numbers between two ends."""
    span = max(high - low, 1e-9)
    raw = span / about
    power = 10.0 ** np.floor(np.log10(raw))
    step = float(next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= raw))
    first = np.ceil(low / step - 1e-9) * step
    return [round(float(v), 10) + 0.0 for v in np.arange(first, high + step * 1e-6, step)]


def whiskers(rows: Sequence[tuple[str, dict[str, Any]]], title: str, *, line: float | None, percent: bool) -> str:
    """A row for each figure: its value and its 95 % interval.

    Args:
        rows: names and estimates, see `intervals.Estimate.as_dict`.
        title: what is drawn.
        line: where perfect would be.
        percent: whether figures are shares.
    """
    ends = [v for _, e in rows for v in (e["value"], e["low"], e["high"]) if v is not None]
    ends += [] if line is None else [line]
    low, high = (min(ends, default=0.0), max(ends, default=1.0))
    margin = 0.05 * (high - low) or 0.1
    low, high = low - margin, high + margin
    left, width, step = 130.0, 560.0, 26.0
    art = Svg(left + width + 20, step * len(rows) + 34, title)

    def x(v: float) -> float:
        return left + (v - low) / (high - low) * width

    bottom = step * len(rows) + 6
    for t in ticks(low, high):
        art.line(x(t), 4, x(t), bottom, GRID)
        art.text(x(t), bottom + 16, f"{100 * t:.0f} %" if percent else f"{t:g}", anchor="middle")
    if line is not None:
        art.line(x(line), 2, x(line), bottom, WARM, 1.5, "4 3")
    for i, (name, e) in enumerate(rows):
        y = step * i + 20
        art.text(left - 10, y + 4, name, anchor="end")
        if e["value"] is None:
            art.text(left + 6, y + 4, "nothing to tell", fill="#777")
            continue
        if e["low"] is not None:
            art.line(x(e["low"]), y, x(e["high"]), y, INK, 3)
        art.circle(x(e["value"]), y, 5, INK if e["low"] is not None else SOFT)
    return art.done()


def bland_altman(pairs: Sequence[dict[str, Any]], bias: float, limits: Sequence[float]) -> str:
    """Difference of device and hand count over their mean (Bland and Altman 1986), with the limits of agreement."""
    spots = Counter(((p["found"] + p["counted"]) / 2, p["found"] - p["counted"]) for p in pairs)
    most = float(max(m for m, _ in spots)) + 1
    reach = float(max(1.0, *(abs(d) for _, d in spots), *(abs(v) for v in limits))) * 1.15
    left, top, width, height = 60.0, 12.0, 600.0, 300.0
    art = Svg(left + width + 160, top + height + 46, "Difference of device and hand count over their mean")

    def x(v: float) -> float:
        return left + v / most * width

    def y(v: float) -> float:
        return top + height / 2 * (1 - v / reach)

    for t in ticks(-reach, reach):
        art.line(left, y(t), left + width, y(t), GRID)
        art.text(left - 8, y(t) + 4, f"{t:+g}" if t else "0", anchor="end")
    for t in ticks(0, most):
        art.text(x(t), top + height + 18, f"{t:g}", anchor="middle")
    art.line(left, y(0), left + width, y(0), "#555")
    for value, name in ((bias, "mean"), (limits[0], "95 % of pictures"), (limits[1], "95 % of pictures")):
        art.line(left, y(value), left + width, y(value), WARM, 1.5, "" if name == "mean" else "5 4")
        art.text(left + width + 6, y(value) + 4, f"{value:+.1f} {name}", size=11, fill=WARM)
    for (mean, difference), n in sorted(spots.items()):
        art.circle(x(mean), y(difference), 3 + 1.5 * (n - 1) ** 0.5, INK, 0.65, f"{n} pictures")
    art.text(left + width / 2, top + height + 38, "mean of device and hand count, people", anchor="middle")
    art.text(16, top + height / 2, "device minus hand count", anchor="middle", turn=-90)
    return art.done()


def by_distance(bins: Sequence[dict[str, Any]]) -> str:
    """Share of people who were found, and how far off they were placed, by distance from the sensor."""
    left, top, width, height, gap = 60.0, 24.0, 270.0, 200.0, 110.0
    art = Svg(2 * left + 2 * width + gap - 40, top + height + 46, "People found and their places, by distance")
    low, high = bins[0]["from_m"], bins[-1]["to_m"]
    most = max((b["place_error_median_m"] or 0.0 for b in bins), default=0.0) * 1.2 or 1.0
    panels: list[tuple[float, float, str]] = [
        (left, 1.0, "people found"),
        (left + width + gap, most, "place off by, m"),
    ]
    for start, top_value, name in panels:
        art.text(start, 14, name, bold=True)
        for t in ticks(0, top_value, 5):
            at = top + height * (1 - t / top_value)
            art.line(start, at, start + width, at, GRID)
            art.text(
                start - 6, at + 4, f"{100 * t:.0f} %" if top_value == 1.0 and start == left else f"{t:g}", anchor="end"
            )
        for t in ticks(low, high, 5):
            art.text(start + (t - low) / (high - low) * width, top + height + 18, f"{t:g}", anchor="middle")
        art.text(start + width / 2, top + height + 38, "distance from the sensor, m", anchor="middle")
        for b in bins:
            a, z = (start + (b[end] - low) / (high - low) * width for end in ("from_m", "to_m"))
            share = b["found_share"] if start == left else {"value": b["place_error_median_m"], "low": None}
            if share["value"] is None:
                continue
            tall = height * share["value"] / top_value
            art.box(a + 1, top + height - tall, z - a - 2, tall, SOFT, f"{b['marked']} people")
            if share["low"] is not None:
                middle = (a + z) / 2
                ends = [top + height * (1 - share[k]) for k in ("low", "high")]
                art.line(middle, ends[0], middle, ends[1], INK, 2)
    return art.done()


def threshold_curve(curve: Sequence[Sequence[float]], now: float, best: float) -> str:
    """Count MAE of the detector alone over thresholds."""
    left, top, width, height = 60.0, 12.0, 560.0, 200.0
    art = Svg(left + width + 30, top + height + 46, "Count error of the detector alone over its threshold")
    most = max(v for _, v in curve) * 1.05 or 1.0
    low, high = curve[0][0], curve[-1][0]

    def x(v: float) -> float:
        return left + (v - low) / (high - low) * width

    for t in ticks(0, most, 5):
        at = top + height * (1 - t / most)
        art.line(left, at, left + width, at, GRID)
        art.text(left - 6, at + 4, f"{t:g}", anchor="end")
    for t in ticks(low, high, 8):
        art.text(x(t), top + height + 18, f"{t:g}", anchor="middle")
    for (a, va), (b, vb) in itertools.pairwise(curve):
        art.line(x(a), top + height * (1 - va / most), x(b), top + height * (1 - vb / most), INK, 2)
    for value, name, dash in ((now, "now", ""), (best, "least error", "4 3")):
        art.line(x(value), top, x(value), top + height, WARM, 1.5, dash)
        art.text(x(value) + 4, top + (12 if name == "now" else 26), name, size=11, fill=WARM)
    art.text(left + width / 2, top + height + 38, "score from which somebody counts", anchor="middle")
    art.text(16, top + height / 2, "count MAE", anchor="middle", turn=-90)
    return art.done()
