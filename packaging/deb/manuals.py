"""Manual pages and shell completion, made from the commands themselves."""

import gzip
import re
import time
from pathlib import Path
from typing import Final

import click
from click.shell_completion import BashComplete, FishComplete, ZshComplete

from drukte.exits import MEANING

ROOMS: Final = ("sense", "report", "run", "sample")
"""Commands whose exit statuses tell why they ended."""


def manual_pages(command: click.Command, name: str, version: str, epoch: int) -> dict[str, str]:
    """The manual page of a command and of all commands under it, by file name (`drukte-check.1`)."""
    context = click.Context(command, info_name=name)
    return dict(_pages(context, version, time.strftime("%Y-%m-%d", time.gmtime(epoch))))


def _pages(context: click.Context, version: str, day: str) -> list[tuple[str, str]]:
    command, path = context.command, context.command_path
    dashed = path.replace(" ", "-")
    below: list[tuple[str, click.Command]] = []
    if isinstance(command, click.Group):
        found = ((name, command.get_command(context, name)) for name in command.list_commands(context))
        below = [(name, each) for name, each in found if each is not None and not each.hidden]
    rows = [
        f'.TH "{dashed.upper()}" "1" "{day}" "drukte {version}" "drukte"',
        ".SH NAME",
        f"{_roff(dashed)} \\- {_roff(command.get_short_help_str(200))}",
        ".SH SYNOPSIS",
        f".B {_roff(path)}",
        _roff(" ".join(command.collect_usage_pieces(context))),
        ".SH DESCRIPTION",
        *_paragraphs(command.help or ""),
    ]
    options = [record for param in command.get_params(context) if (record := param.get_help_record(context))]
    if options:
        rows.append(".SH OPTIONS")
        for flag, text in options:
            rows += [".TP", f"\\fB{_roff(flag)}\\fR", _roff(text)]
    if path.split()[-1] in ROOMS:
        rows.append(".SH EXIT STATUS")
        for status, meaning in sorted(MEANING.items()):
            rows += [".TP", f"\\fB{int(status)}\\fR", _roff(meaning)]
    if below:
        rows.append(".SH COMMANDS")
        for name, each in below:
            rows += [".TP", f"\\fB{_roff(name)}\\fR", _roff(each.get_short_help_str(200))]
        rows += [".SH SEE ALSO", ", ".join(f"\\fB{_roff(f'{dashed}-{name}')}\\fR(1)" for name, _ in below)]
    pages = [(f"{dashed}.1", "\n".join(rows) + "\n")]
    for name, each in below:
        pages += _pages(click.Context(each, info_name=name, parent=context), version, day)
    return pages


def _paragraphs(text: str) -> list[str]:
    rows: list[str] = []
    for block in re.split(r"\n\s*\n", text.strip()):
        literal = block.lstrip().startswith("\b")
        body = [_roff(row.strip()) for row in block.replace("\b", "").strip().splitlines()]
        rows += [".PP", *([".nf", *body, ".fi"] if literal else [" ".join(body)])]
    return rows


def _roff(text: str) -> str:
    plain = " ".join(text.split()).replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{plain}" if plain.startswith((".", "'")) else plain


def completions(command: click.Command, name: str) -> dict[str, str]:
    """Completion scripts by where each shell looks for them under /usr/share."""
    variable = f"_{name.upper()}_COMPLETE"
    places = {
        f"bash-completion/completions/{name}": BashComplete,
        f"zsh/vendor-completions/_{name}": ZshComplete,
        f"fish/vendor_completions.d/{name}.fish": FishComplete,
    }
    return {where: shell(command, {}, name, variable).source_template % shell(command, {}, name, variable).source_vars()
            for where, shell in places.items()}  # fmt: skip


def packed(text: str, to: Path) -> None:
    """Write gzip without a name or time in it."""
    to.parent.mkdir(parents=True, exist_ok=True)
    to.write_bytes(gzip.compress(text.encode(), 9, mtime=0))
