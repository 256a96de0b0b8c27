"""Today's curve against the usual one, as a drawing and as a table."""

from collections.abc import Mapping
from typing import Final

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 640, 220, 40, 24, 10
HOURS: Final = 24


def chart(today: Mapping[int, float], usual: Mapping[int, tuple[float, float]], say: Mapping[str, str]) -> str:
    """Drawing and table of one zone; empty without any number.

    Args:
        today: hours (0 to 23, local) to mean people.
        usual: hours to (people, spread).
        say: words of a language.
    """
    if not today and not usual:
        return ""
    most = max([*today.values(), *(people + spread for people, spread in usual.values()), 5.0])
    step = next(step for step in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 10**6) if most / step <= 5)
    top = step * (int(most / step) + 1)

    def x(hour: float) -> float:
        return LEFT + (WIDTH - LEFT) * hour / HOURS

    def y(people: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * people / top

    parts = []
    for value in range(0, top + 1, step):
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH}" y1="{y(value):.1f}" y2="{y(value):.1f}"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y(value) + 4:.1f}" text-anchor="end">{value}</text>')
    parts += [
        f'<text x="{x(hour):.1f}" y="{HEIGHT - 6}" text-anchor="middle">{hour}</text>' for hour in range(0, HOURS, 4)
    ]
    for hour, people in sorted(today.items()):
        across, up = x(hour + 0.15), y(people)
        height = max(y(0) - up, 1)
        parts.append(
            f'<rect class="today" x="{across:.1f}" y="{y(0) - height:.1f}" width="{x(0.7) - x(0):.1f}" '
            f'height="{height:.1f}"/>'
        )
    for run in _runs(usual):
        upper = [f"{x(hour + 0.5):.1f},{y(sum(usual[hour])):.1f}" for hour in run]
        lower = [f"{x(hour + 0.5):.1f},{y(max(usual[hour][0] - usual[hour][1], 0)):.1f}" for hour in reversed(run)]
        line = [f"{x(hour + 0.5):.1f},{y(usual[hour][0]):.1f}" for hour in run]
        parts.append(f'<polygon class="band" points="{" ".join(upper + lower)}"/>')
        parts.append(f'<polyline class="usual" points="{" ".join(line)}"/>')
    hours = sorted({*today, *usual})
    rows = "".join(
        f'<tr><th scope="row">{hour}:00</th><td>{_number(today.get(hour))}</td>'
        f"<td>{_number(usual[hour][0] if hour in usual else None)}</td></tr>"
        for hour in hours
    )
    return (
        f'<figure><svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{say["chart"]}">{"".join(parts)}</svg>'
        f'<figcaption><span class="key today"></span> {say["today"]} <span class="key usual"></span> {say["usual"]}. '
        f"{say['drawn']}</figcaption></figure><details><summary>{say['table']}</summary>"
        f"<table><caption>{say['chart']}</caption>"
        f'<thead><tr><th scope="col">{say["hour"]}</th><th scope="col">{say["today"]}</th>'
        f'<th scope="col">{say["usual"]}</th></tr></thead><tbody>{rows}</tbody></table></details>'
    )


def _runs(usual: Mapping[int, tuple[float, float]]) -> list[list[int]]:
    """Hours that follow each other."""
    runs: list[list[int]] = []
    for hour in sorted(usual):
        if runs and runs[-1][-1] == hour - 1:
            runs[-1].append(hour)
        else:
            runs.append([hour])
    return runs


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"
