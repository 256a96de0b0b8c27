"""A few shapes of SVG, enough for the report's figures: readable in print, on paper and to a screen reader."""

from collections.abc import Sequence
from html import escape

Pair = tuple[float, float]


class Svg:
    """A drawing of `width` x `height` px that scales with its page."""

    def __init__(self, width: float, height: float, title: str) -> None:
        self.width, self.height = width, height
        self._parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" '
            f'height="{height:g}" role="img" aria-label="{escape(title, quote=True)}" '
            'font-family="system-ui, sans-serif">',
            f"<title>{escape(title)}</title>",
        ]

    def line(self, x1: float, y1: float, x2: float, y2: float, stroke: str, width: float = 1, dash: str = "") -> None:
        """A straight line."""
        dashed = f' stroke-dasharray="{dash}"' if dash else ""
        self._parts.append(
            f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{stroke}" '
            f'stroke-width="{width:g}"{dashed}/>'
        )

    def circle(self, x: float, y: float, radius: float, fill: str, opacity: float = 1.0, label: str = "") -> None:
        """A disc; `label` shows when pointed at."""
        inner = f"<title>{escape(label)}</title>" if label else ""
        self._parts.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}" fill="{fill}" fill-opacity="{opacity:.2f}">'
            f"{inner}</circle>"
        )

    def box(self, x: float, y: float, width: float, height: float, fill: str, label: str = "") -> None:
        """A filled rectangle."""
        inner = f"<title>{escape(label)}</title>" if label else ""
        self._parts.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(0.0, width):.1f}" height="{max(0.0, height):.1f}" '
            f'fill="{fill}">{inner}</rect>'
        )

    def polygon(self, corners: Sequence[Pair], fill: str, stroke: str, width: float = 1) -> None:
        """A closed shape."""
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in corners)
        self._parts.append(f'<polygon points="{points}" fill="{fill}" stroke="{stroke}" stroke-width="{width:g}"/>')

    def text(
        self,
        x: float,
        y: float,
        words: str,
        *,
        anchor: str = "start",
        size: float = 12,
        fill: str = "#333",
        bold: bool = False,
        turn: float = 0,
    ) -> None:
        """Words with their baseline at y; `anchor` start, middle or end; turned by `turn` degrees."""
        turned = f' transform="rotate({turn:g} {x:.1f} {y:.1f})"' if turn else ""
        heavy = ' font-weight="600"' if bold else ""
        self._parts.append(
            f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size:g}" fill="{fill}"{heavy}{turned}>'
            f"{escape(words)}</text>"
        )

    def done(self) -> str:
        """The drawing's text."""
        return "".join([*self._parts, "</svg>"])
