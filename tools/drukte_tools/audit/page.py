"""The report as one page that needs nothing else, to read, print and send."""

import hashlib
import json
from datetime import datetime
from html import escape
from string import Template
from typing import Any, Final, Literal

from drukte_tools.audit.look import STYLE
from drukte_tools.audit.words import WORDS

_PAGE: Final = Template(
    '<!doctype html><html lang="$lang"><head><meta charset="utf-8">'
    '<meta name="viewport" content="width=device-width,initial-scale=1">'
    "<title>$title</title><style>$style</style></head><body><main>$body</main></body></html>\n"
)
Report = dict[str, Any]


def page(report: Report, language: Literal["nl", "en"] | str) -> str:
    """The report in Dutch or English, as HTML."""
    say = _Say(language, report["sensor"]["stand_in"])
    title = say.text("title")
    device = f"{report['device']['organisation']}/{report['device']['device']}"
    body = [
        f'<header><p class="kicker"><span>{say.text("kicker")}</span><span>drukte · {number(report)}</span></p>'
        f"<h1>{title}</h1></header>",
        _verdict(report, say),
        _facts(report, say, device),
        f"<h2>{say.text('summary')}</h2>",
        _glance(report, say),
        f"<h2>{say.text('how')}</h2><p>{say.words['how_text'][say.kind]}</p>",
        f"<h2>{say.text('checks')}</h2>",
        *(_check(check, report, say) for check in report["checks"]),
        _door(report, say),
        f"<h2>{say.text('limits')}</h2><ul>",
        *(f"<li>{limit}</li>" for limit in say.words["limits_list"][say.kind]),
        "</ul>",
        _machine(report, say),
        _repeat(report, say),
        f'<section class="sign"><div>{say.text("sign")}</div><div>{say.text("date")}</div></section>',
    ]
    return _PAGE.substitute(lang=language, title=escape(f"{title} {device}"), style=STYLE, body="".join(body))


def number(report: Report) -> str:
    """A short name for a report: its day, and the beginning of the hash of all that it says."""
    digest = hashlib.sha256(json.dumps(report, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
    return f"{report['began'][:10]}-{digest[:8]}"


class _Say:
    """The words of one language, for one kind of sensor."""

    def __init__(self, language: str, kind: str) -> None:
        self.words, self.kind, self.language = WORDS[language], kind, language
        self._nouns = {key: self.words[key][kind] for key in ("frame", "frames")}

    def fill(self, sentence: str, **more: object) -> str:
        """A sentence with its blanks filled in, and a capital in front."""
        text = sentence.format(**self._nouns, **more)
        return text[:1].upper() + text[1:]

    def text(self, key: str, **more: object) -> str:
        """The sentence of that name."""
        return self.fill(self.words[key], **more)

    def leak(self, name: str) -> str:
        """A kind of leak, within a sentence."""
        return str(self.words["leak"][name]).format(**self._nouns)

    def plain(self, value: object) -> str:
        """A value for people."""
        if isinstance(value, bool):
            return str(self.words["yes" if value else "no"])
        if isinstance(value, float):
            return f"{value:g}".replace(".", "," if self.language == "nl" else ".")
        if isinstance(value, list):
            return ", ".join(map(str, value)) or str(self.words["none"])
        return str(self.words["none"]) if value in (None, "") else str(value)


def _verdict(report: Report, say: _Say) -> str:
    good = report["verdict"] == "PASS"
    bad = [check for check in report["checks"] if not check["holds"]]
    text = say.text("pass_text" if good else "fail_text", n=len(report["checks"]), bad=len(bad))
    out = [f'<div class="verdict{"" if good else " bad"}" role="status">']
    out.append(f"<strong>{'✓' if good else '✗'} {say.text('pass' if good else 'fail')}</strong><p>{text}</p>")
    # the end of the program is what followed from the rest
    named = [say.fill(say.words["named"][leak]) for leak in sorted(report["leaks"], key=lambda leak: leak == "ended")]
    if not good and named:
        out.append(f"<ul>{''.join(f'<li>{name}</li>' for name in named)}</ul>")
    missed = sorted({leak for check in bad for leak, caught in check["controls"].items() if not caught})
    if missed:
        out.append(f"<p>{say.text('fail_controls', leaks=', '.join(map(say.leak, missed)))}</p>")
    out.append("</div>")
    if report["planted"]:
        out.append(f'<p class="note">{say.text("planted")} {escape(say.leak(report["planted"]))}.</p>')
    return "".join(out)


def _facts(report: Report, say: _Say, device: str) -> str:
    names, purpose, versions = say.words["facts"], report["purpose"], report["versions"]
    began, ended = (datetime.fromisoformat(report[key]) for key in ("began", "ended"))
    ground = say.words["grounds"].get(purpose["legal_ground"], purpose["legal_ground"])
    rows = [
        (names["device"], device),
        (names["place"], report["device"]["place"]),
        (names["controller"], purpose["controller"]),
        (names["contact"], purpose["contact"]),
        (names["purpose"], purpose["what_for"]),
        (names["ground"], f"{ground}{'; ' + purpose['legal_basis'] if purpose.get('legal_basis') else ''}"),
        (names["until"], purpose["valid_until"]),
        (names["when"], f"{began:%Y-%m-%d %H:%M} – {ended:%H:%M}"),
        (names["watched"], f"{say.plain(float(report['minutes']))} {say.words['minutes']}"),
        (names["software"], f"drukte {versions['drukte']}, SHA-256 {versions['code_sha256'][:16]}…"),
    ]
    return _table([], [[name, escape(str(value))] for name, value in rows], "facts")


def _glance(report: Report, say: _Say) -> str:
    rows = []
    for check in report["checks"]:
        caught = list(check["controls"].values())
        rows.append(
            [
                say.fill(say.words["check"][check["check"]][0]),
                _mark(check["holds"], say.words["holds" if check["holds"] else "fails"]),
                _mark(all(caught), f"{sum(caught)} / {len(caught)}"),
            ]
        )
    return _table(say.words["summary_head"], rows, "glance")


def _mark(good: bool, text: str) -> str:
    return f'<span class="{"yes" if good else "no"}">{"✓" if good else "✗"} {text}</span>'


def _check(check: dict[str, Any], report: Report, say: _Say) -> str:
    title, meaning = map(say.fill, say.words["check"][check["check"]])
    holds = check["holds"]
    out = [f'<section class="check{"" if holds else " bad"}"><div class="head"><h3>{title}</h3>']
    out.append(f"{_mark(holds, say.words['holds' if holds else 'fails'])}</div><p>{meaning}</p>")
    if check["found"]:
        found = "".join(f"<li><code>{escape(text)}</code></li>" for text in check["found"])
        out.append(f'<p class="no"><strong>{say.text("found")}:</strong></p><ul class="no">{found}</ul>')
    names = say.words["figure"]
    figures = "".join(f"<dt>{names[key]}</dt><dd>{escape(value)}</dd>" for key, value in check["seen"].items())
    out.append(f"<dl>{figures}</dl>" if figures else "")
    out.append(_rows(check, report, say))
    marks = {leak: _mark(good, say.words["caught" if good else "missed"]) for leak, good in check["controls"].items()}
    tests = (f"<li>{say.text('control')}: {say.leak(leak)}: {mark}</li>" for leak, mark in marks.items())
    out.append(f'<ul class="tests">{"".join(tests)}</ul></section>')
    return "".join(out)


def _rows(check: dict[str, Any], report: Report, say: _Say) -> str:
    """The table of a check that has one."""
    table, words = check["table"], say.words
    match check["check"]:
        case "memory" if table:
            rows = [
                [words["form"][row["name"]], *("–" if n is None else f"{n}" for n in (*row["values"], *[None] * 3)[:3])]
                for row in table
            ]
            return _table(words["memory_head"], rows, numbers=1) + f'<p class="soft">{words["memory_note"]}</p>'
        case "traces" if table:
            rows = []
            for row in table:
                why, files, read, found = row["values"]
                since = f" {words['traces_since']}" if row["name"] in ("/tmp", "/var/tmp", "journal") else ""  # noqa: S108
                name = words["home"] if row["name"] == "~" else f"<code>{escape(row['name'])}</code>{since}"
                amount = f"{read / 1024:.0f} KiB" if read < 1 << 20 else f"{read / (1 << 20):.0f} MiB"
                if why:
                    amount = words["absent"] if why == "absent" else escape(why)
                rows.append([name, "" if why else str(files or "–"), amount, "" if why else str(found)])
            text = "" if report["swap"]["areas"] else f'<p class="soft">{say.text("no_swap")}.</p>'
            return _table(words["traces_head"], rows, numbers=1) + text
        case "seal" if table:
            rows = [
                [
                    words["bit"][row["name"]],
                    _mark(row["values"][0], say.plain(row["values"][0])),
                    say.plain(row["values"][1]),
                ]
                if row["values"][1]
                else [words["bit"][row["name"]], say.plain(row["values"][0]), say.plain(False)]
                for row in table
            ]
            return _table(words["seal_head"], rows)
    return ""


def _door(report: Report, say: _Say) -> str:
    door = report["door"]
    bits = f"{door['bits_per_hour']:,}".replace(",", "." if say.language == "nl" else ",")
    text = say.text("door_text", bits=bits, hours=say.plain(float(door["hours_for_10_kb"])))
    return f"<h2>{say.text('door')}</h2><p>{text}</p>"


def _machine(report: Report, say: _Say) -> str:
    words = say.words
    rows = [[words["kernel"].get(name, name), escape(say.plain(value))] for name, value in report["kernel"].items()]
    rows += [[words["swap"].get(name, name), escape(say.plain(value))] for name, value in report["swap"].items()]
    out = [f"<h2>{say.text('machine')}</h2>", _table([], rows, "facts")]
    pairs = [*report["versions"].items(), *report["units"].items()]
    rows = [[escape(name), f"<code>{escape(say.plain(value))}</code>"] for name, value in pairs]
    out += [f"<h2>{say.text('versions')}</h2>", _table([], rows, "facts")]
    if not report["units"]:
        out.append(f"<p>{say.text('units')}: {words['no_units']}</p>")
    out.append(f'<p class="soft">{say.text("versions_note")}</p>')
    return "".join(out)


def _repeat(report: Report, say: _Say) -> str:
    command = f"sudo drukte audit --site /etc/drukte/site.yaml --minutes {report['minutes']:g}"
    more = "sudo drukte audit --site /etc/drukte/site.yaml --plant file"
    return f"<h2>{say.text('repeat')}</h2><p>{say.text('repeat_text')}</p><pre><code>{command}\n{more}</code></pre>"


def _table(head: list[str], rows: list[list[str]], kind: str = "", numbers: int | None = None) -> str:
    """A table of HTML cells; those from column `numbers` on are figures."""

    def cell(tag: str, at: int, text: str) -> str:
        figure = ' class="number"' if numbers is not None and at >= numbers else ""
        return f"<{tag}{figure}>{text}</{tag}>"

    top = "".join(cell("th", i, text) for i, text in enumerate(head))
    body = "".join(
        "<tr>" + "".join(cell("th" if i == 0 and not head else "td", i, text) for i, text in enumerate(row)) + "</tr>"
        for row in rows
    )
    return f'<table class="{kind}">{f"<thead><tr>{top}</tr></thead>" if head else ""}<tbody>{body}</tbody></table>'
