"""Pages that stand alone: no script, nothing loaded from elsewhere, fit for a browser, a printer and an archive."""

from collections.abc import Iterable, Sequence
from html import escape
from importlib.resources import files
from typing import Any

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"


def page(title: str, body: Iterable[str], language: str = "en") -> str:
    """A whole page around HTML parts."""
    style = (files("drukte_tools.validate") / "page" / "report.css").read_text(encoding="utf-8")
    return (
        f'<!doctype html>\n<html lang="{language}">\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>\n{style}</style>\n<body>\n" + "\n".join(body) + "\n</body>\n</html>\n"
    )


def text(value: object) -> str:
    """Words as HTML."""
    return escape(str(value))


def paragraph(words: str, kind: str = "") -> str:
    """A paragraph of plain words."""
    return f'<p class="{kind}">{text(words)}</p>' if kind else f"<p>{text(words)}</p>"


def figure(svg: str, words: str) -> str:
    """A drawing with its caption."""
    return f"<figure>{svg}<figcaption>{text(words)}</figcaption></figure>"


def listing(items: Iterable[str]) -> str:
    """Sentences as a list."""
    return "<ul>" + "".join(f"<li>{text(item)}</li>" for item in items) + "</ul>"


def facts(items: Sequence[tuple[str, object]]) -> str:
    """Names and values."""
    return "<dl>" + "".join(f"<dt>{text(k)}</dt><dd>{text(v)}</dd>" for k, v in items) + "</dl>"


def tile(name: str, value: str, below: str) -> str:
    """One figure, large."""
    return f'<div class="tile"><span>{text(name)}</span><b>{text(value)}</b><span>{text(below)}</span></div>'


def table(caption: str, head: Sequence[str], rows: Iterable[tuple[str, Sequence[str]]]) -> str:
    """A table; each row has a class and cells that are HTML already."""
    top = "".join(f'<th scope="col">{text(h)}</th>' for h in head)
    body = "".join(f'<tr class="{kind}">' + "".join(cells) + "</tr>" for kind, cells in rows)
    inner = f"<caption>{text(caption)}</caption><thead><tr>{top}</tr></thead><tbody>{body}</tbody>"
    return f'<div class="scroll"><table>{inner}</table></div>'


def cell(value: str, below: str = "", kind: str = "") -> str:
    """A cell, with a second line in small."""
    inner = text(value) + (f"<br><i>{text(below)}</i>" if below else "")
    return f'<td class="{kind}">{inner}</td>' if kind else f"<td>{inner}</td>"


def number(value: float | None, digits: int = 2, *, sign: bool = False) -> str:
    """A figure, or a dash."""
    return "–" if value is None else f"{value:+.{digits}f}" if sign else f"{value:.{digits}f}"


def percent(value: float | None, digits: int = 0) -> str:
    """A share, or a dash."""
    return "–" if value is None else f"{100 * value:.{digits}f} %"


def interval(e: dict[str, Any], *, share: bool = False, sign: bool = False) -> str:
    """The interval of an estimate in words."""
    if e["low"] is None:
        return "no interval: too few blocks"
    if share:
        return f"{100 * e['low']:.0f} to {100 * e['high']:.0f} %"
    return f"{number(e['low'], sign=sign)} to {number(e['high'], sign=sign)}"
