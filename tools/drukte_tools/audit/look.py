"""How the report looks: one style sheet, for the screen and for A4 paper. Nothing is fetched from anywhere."""

from typing import Final

STYLE: Final = """
:root { --ink: #1a222c; --soft: #56626f; --line: #d5dbe1; --tint: #f4f6f8; --good: #17643a; --bad: #a2161c; }
* { box-sizing: border-box }
body { font: 15.5px/1.55 "Source Sans 3", "Noto Sans", "Liberation Sans", "Segoe UI", Helvetica, Arial, sans-serif;
  color: var(--ink); background: #fff; margin: 0 }
main { max-width: 54rem; margin: 0 auto; padding: 2.5rem 1.75rem 4rem }
header { border-bottom: 3px solid var(--ink); padding-bottom: 1rem; margin-bottom: 1.25rem }
.kicker { letter-spacing: .06em; text-transform: uppercase; font-size: .8rem; color: var(--soft); margin: 0 0 .35rem;
  display: flex; justify-content: space-between; gap: 1rem; max-width: none }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0; text-wrap: balance }
h2 { font-size: 1.2rem; margin: 2.4rem 0 .6rem; padding-bottom: .3rem; border-bottom: 1px solid var(--line);
  break-after: avoid }
h3 { font-size: 1.02rem; margin: 0 }
p { margin: .45rem 0; max-width: 44rem }
.soft { color: var(--soft) }
.verdict { margin: 1.4rem 0; padding: 1rem 1.25rem; border: 1px solid var(--good); border-left: .6rem solid var(--good);
  background: #f3f9f5; break-inside: avoid }
.verdict strong { font-size: 1.3rem; line-height: 1.3; color: var(--good); display: block }
.verdict.bad { border-color: var(--bad); background: #fdf4f4 }
.verdict.bad strong { color: var(--bad) }
.verdict ul { margin: .4rem 0 0; padding-left: 1.2rem; font-weight: 600 }
.note { border: 1px dashed var(--soft); padding: .6rem 1rem; margin: 1rem 0; max-width: none }
table { border-collapse: collapse; width: 100%; font-size: .92rem; margin: .6rem 0 }
th, td { text-align: left; vertical-align: top; padding: .4rem .75rem .4rem 0; border-bottom: 1px solid var(--line) }
thead th { font-size: .8rem; color: var(--soft); font-weight: 600; border-bottom: 1px solid var(--soft);
  vertical-align: bottom }
tbody th { font-weight: 600 }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; padding-right: 0; padding-left: .75rem }
.facts th { width: 30%; font-weight: 400; color: var(--soft) }
.glance td:nth-child(2) { white-space: nowrap; font-weight: 600 }
.yes { color: var(--good) }
.no { color: var(--bad) }
span.yes, span.no { white-space: nowrap }
.check p, .check li { max-width: none }
.check { border: 1px solid var(--line); padding: .9rem 1.1rem; margin: .8rem 0; break-inside: avoid }
.check.bad { border-color: var(--bad) }
.check .head { display: flex; justify-content: space-between; gap: 1rem; align-items: baseline }
.check .head span { font-weight: 600; white-space: nowrap }
dl { display: grid; grid-template-columns: auto 1fr; gap: .1rem 1rem; margin: .5rem 0; font-size: .92rem }
dt { color: var(--soft) }
dd { margin: 0; font-variant-numeric: tabular-nums; overflow-wrap: anywhere }
.tests { margin: .5rem 0 0; padding: .5rem 0 0; border-top: 1px solid var(--line); font-size: .92rem; list-style: none }
ul { margin: .4rem 0; padding-left: 1.2rem }
li { margin: .2rem 0; max-width: 44rem }
code { font: .84em/1.45 ui-monospace, "DejaVu Sans Mono", Consolas, monospace; overflow-wrap: anywhere }
pre { background: var(--tint); padding: .7rem 1rem; overflow-x: auto; margin: .5rem 0 }
.sign { display: grid; grid-template-columns: 3fr 2fr; gap: 2.5rem; margin-top: 5rem; break-inside: avoid }
.sign div { border-top: 1px solid var(--ink); padding-top: .35rem; font-size: .88rem; color: var(--soft) }
@media (max-width: 40rem) { .kicker, .check .head { flex-direction: column; gap: .2rem }
  dl { grid-template-columns: 1fr } dd { margin-bottom: .35rem } }
@media print { main { padding: 0; max-width: none } body { font-size: 10.2pt }
  .verdict, pre { -webkit-print-color-adjust: exact; print-color-adjust: exact }
  @page { size: A4; margin: 18mm 17mm 20mm } }
"""
