"""The report as one page that needs nothing else, to read, print and send."""

from html import escape
from string import Template
from typing import Any, Final, Literal

from drukte_tools.audit.words import CHECK, LEAK, WORDS

_STYLE: Final = """
:root{--ink:#16202b;
--soft:#5a6672;
--line:#d7dde3;
--good:#1b6b3a;
--bad:#a4161a}
*{box-sizing:border-box}
body{font:16px/1.55 "Source Sans 3","Segoe UI",Helvetica,Arial,sans-serif;
color:var(--ink);
margin:0;
background:#fff}
main{max-width:50rem;
margin:0 auto;
padding:2.5rem 1.5rem 4rem}
h1{font-size:1.75rem;
line-height:1.2;
margin:0 0 .25rem}
h2{font-size:1.15rem;
margin:2.2rem 0 .6rem;
padding-bottom:.3rem;
border-bottom:1px solid var(--line)}
p{margin:.4rem 0}
.soft{color:var(--soft)}
.verdict{margin:1.5rem 0;
padding:1rem 1.25rem;
border:2px solid var(--good);
border-left-width:.75rem}
.verdict strong{font-size:1.35rem;
color:var(--good)}
.verdict.bad{border-color:var(--bad)}
.verdict.bad strong,.no{color:var(--bad)}
.yes{color:var(--good)}
table{border-collapse:collapse;
width:100%;
font-size:.95rem}
th,td{text-align:left;
vertical-align:top;
padding:.45rem .6rem
.45rem 0;
border-bottom:1px solid var(--line)}
th{font-weight:600}
td:first-child,th:first-child{width:36%}
section{break-inside:avoid}
h3{font-size:1rem;
margin:1.2rem 0 .2rem;
display:flex;
justify-content:space-between;
gap:1rem}
code{font:.85em/1.4 ui-monospace,Consolas,monospace;
overflow-wrap:anywhere}
ul{margin:.3rem 0;
padding-left:1.2rem}
.sign{display:grid;
grid-template-columns:1fr 1fr;
gap:2rem;
margin-top:3rem}
.sign div{border-top:1px solid var(--ink);
padding-top:.3rem;
font-size:.9rem}
@media print{main{padding:0;
max-width:none}
body{font-size:10.5pt}
@page{margin:20mm}
}
"""
_PAGE: Final = Template(
    '<!doctype html><html lang="$lang"><head><meta charset="utf-8">'
    '<meta name="viewport" content="width=device-width,initial-scale=1">'
    "<title>$title: $device</title><style>$style</style></head><body><main>$body</main></body></html>\n"
)


def page(report: dict[str, Any], language: Literal["nl", "en"] | str) -> str:
    """The report in Dutch or English, as HTML."""
    say = WORDS[language]
    good = report["verdict"] == "PASS"
    body = [f"<h1>{say['title']}</h1>", f'<p class="soft">{_device(report)}</p>']
    body.append(
        f'<div class="verdict{"" if good else " bad"}"><strong>{say["pass" if good else "fail"]}</strong>'
        f"<p>{say['pass_text' if good else 'fail_text']}</p></div>"
    )
    if report["planted"]:
        body.append(f'<p class="no">{say["planted"]}: {escape(LEAK[language][report["planted"]])}</p>')
    purpose = report["purpose"]
    rows = [
        (say["controller"], f"{purpose['controller']}; {purpose['contact']}"),
        (say["purpose"], f"{purpose['what_for']} ({say['until']} {purpose['valid_until']})"),
        (say["when"], f"{report['began']} – {report['ended']}; {say['watched']} {report['minutes']:g} min"),
    ]
    body += [f"<h2>{say['subject']}</h2>", _table(rows), f"<h2>{say['how']}</h2><p>{say['how_text']}</p>"]
    body.append(f"<h2>{say['checks']}</h2>")
    body += [_check(check, language) for check in report["checks"]]
    door = report["door"]
    text = say["door_text"].format(bits=door["bits_per_hour"], hours=f"{door['hours_for_10_kb']:g}")
    body += [f"<h2>{say['door']}</h2><p>{text}</p>"]
    body += [f"<h2>{say['limits']}</h2><ul>", *(f"<li>{limit}</li>" for limit in say["limits_list"]), "</ul>"]
    kernel = report["kernel"]
    rows = [(name, f"<code>{escape(str(value))}</code>") for name, value in report["versions"].items()]
    rows += [(name, f"<code>{escape(_plain(value, say))}</code>") for name, value in kernel.items()]
    body += [f"<h2>{say['versions']}</h2><section>", _table(rows, raw=True), "</section>"]
    body.append(f'<section class="sign"><div>{say["sign"]}</div><div>{say["date"]}</div></section>')
    return _PAGE.substitute(
        lang=language,
        title=say["title"],
        device=escape(report["device"]["device"]),
        style=_STYLE,
        body="".join(body),
    )


def _device(report: dict[str, Any]) -> str:
    device = report["device"]
    return escape(f"{device['place']} · {device['organisation']}/{device['device']}")


def _plain(value: object, say: dict[str, Any]) -> str:
    if isinstance(value, bool):
        return str(say["yes" if value else "no"])
    return (", ".join(map(str, value)) if isinstance(value, list) else str(value)) or str(say["none"])


def _check(check: dict[str, Any], language: str) -> str:
    say = WORDS[language]
    title, meaning = CHECK[language][check["check"]]
    mark = f'<span class="{"yes" if check["holds"] else "no"}">{say["holds" if check["holds"] else "fails"]}</span>'
    leak = escape(LEAK[language][check["control"]])
    caught = say["caught" if check["control_caught"] else "missed"]
    out = [f"<section><h3><span>{title}</span>{mark}</h3><p>{meaning}</p>"]
    if check["found"]:
        out += ["<ul>", *(f'<li class="no"><code>{escape(found)}</code></li>' for found in check["found"]), "</ul>"]
    if check["seen"]:
        out.append(f'<p class="soft">{say["seen"]}: <code>{escape("; ".join(check["seen"]))}</code></p>')
    out.append(
        f'<p class="{"soft" if check["control_caught"] else "no"}">{say["control"]}: {leak}. {caught}</p></section>'
    )
    return "".join(out)


def _table(rows: list[tuple[str, str]], raw: bool = False) -> str:
    cells = (f"<tr><th>{escape(name)}</th><td>{value if raw else escape(value)}</td></tr>" for name, value in rows)
    return f"<table>{''.join(cells)}</table>"
