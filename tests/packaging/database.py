"""A real PostgreSQL for one test run, with the city's tables, and messages for it."""

import base64
import csv
import io
import itertools
import json
import os
import pwd
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from drukte.report.history import History
from drukte_tools.fleet.simulated import SimulatedDevice, new_site

CITY = Path(__file__).parents[2] / "packaging/city"
SCRIPTS = sorted((CITY / "postgresql").glob("[0-9]*.sql"))
_MOMENT = re.compile(r'"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)"')
Message = tuple[str, bytes]


def programs() -> Path | None:
    """Folder of PostgreSQL's programs, the newest; None where it is not installed."""
    found = [p.parent for p in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    beside = shutil.which("initdb")
    return max(found, key=lambda p: int(p.parent.name)) if found else Path(beside).parent if beside else None


class Database:
    """One server without a network, of a user that is not root, in a folder of its own."""

    def __init__(self, folder: Path, bin_: Path) -> None:
        self.folder, self._bin = folder, bin_
        self._user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []

    def start(self) -> None:
        make = [
            self._bin / "initdb",
            "-D",
            self.folder / "data",
            "-A",
            "trust",
            "-U",
            "drukte",
            "-E",
            "UTF8",
            "--no-sync",
        ]
        options = f"-k {self.folder} -h '' -F -c timezone=UTC -c jit=off"
        serve = [
            self._bin / "pg_ctl",
            "-D",
            self.folder / "data",
            "-o",
            options,
            "-l",
            self.folder / "log",
            "-w",
            "start",
        ]
        for command in (make, serve):
            # Its output goes nowhere: the server would keep a pipe open.
            subprocess.run([*self._user, *map(str, command)], check=True, stdout=subprocess.DEVNULL, cwd="/")
        self.sql(f"CREATE DATABASE {self._name}", name="postgres")
        self.set_up()

    def stop(self) -> None:
        stop = [*self._user, str(self._bin / "pg_ctl"), "-D", str(self.folder / "data"), "-m", "immediate", "stop"]
        subprocess.run(stop, check=True, stdout=subprocess.DEVNULL, cwd="/")

    _name = "drukte"

    def set_up(self) -> None:
        for script in SCRIPTS:
            self.sql(script.read_text())

    def sql(self, text: str, role: str | None = None, given: str = "", name: str = "") -> str:
        """What psql prints. Raises AssertionError with the server's words."""
        options = "-c client_min_messages=warning" + (f" -c role={role}" if role else "")
        command = [
            "psql",
            "-h",
            str(self.folder),
            "-U",
            "drukte",
            "-d",
            name or self._name,
            "-XAtq",
            "-v",
            "ON_ERROR_STOP=1",
        ]
        command += ["-f", "-"] if not given else ["-c", text]
        done = subprocess.run(
            command,
            input=given or text,
            capture_output=True,
            text=True,
            check=False,
            env=os.environ | {"PGOPTIONS": options},
        )
        assert done.returncode == 0, f"{done.stderr}\n{text[:2000]}"
        return done.stdout

    def rows(self, query: str, role: str | None = None) -> list[dict[str, Any]]:
        """The rows of a query."""
        return list(json.loads(self.sql(f"SELECT coalesce(json_agg(t), '[]') FROM ({query}) AS t", role) or "[]"))

    def one(self, query: str) -> Any:
        """The only value of a query."""
        ((value,),) = (row.values() for row in self.rows(query))
        return value

    def land(self, messages: Iterable[Message], encoded: bool = True) -> None:
        """Hand in messages as Telegraf's PostgreSQL output does: COPY into the landing table, a thousand at a time."""
        all_ = iter(messages)
        while batch := list(itertools.islice(all_, 1000)):
            text = io.StringIO()
            csv.writer(text, quoting=csv.QUOTE_ALL).writerows(
                (topic, base64.b64encode(payload).decode() if encoded else payload.decode()) for topic, payload in batch
            )
            copy = r"\copy drukte.landing (topic, value) FROM pstdin WITH (FORMAT csv)"
            self.sql(copy, role="drukte_ingest", given=text.getvalue())


@contextmanager
def database(bin_: Path) -> Iterator[Database]:
    """A server with empty tables; it is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="drukte-pg-"))
    if os.geteuid() == 0:
        user = pwd.getpwnam("postgres")
        os.chown(folder, user.pw_uid, user.pw_gid)
    made = Database(folder, bin_)
    try:
        made.start()
        yield made
    finally:
        if (folder / "data/postmaster.pid").exists():
            made.stop()
        shutil.rmtree(folder)


def days(
    devices: int = 1, past: int = 8, window: int = 300, zones: int = 1, now: float | None = None
) -> Iterator[Message]:
    """What made-up devices have published in the last days, by the device's own code, in order."""
    end = int(time.time() if now is None else now) // window * window
    shared, nothing = new_site(zones, window), History(None)
    for number in range(devices):
        place = {"latitude": 52.0 + number / 100, "longitude": 4.3 + number / 100}
        site = shared.model_copy(update={"place": shared.place.model_copy(update=place)})
        one = SimulatedDevice(number, site, nothing, end - past * 86_400)
        for at in range(end - past * 86_400 + window, end + 1, window):
            yield from ((said.topic, said.payload) for said in one.window(at))
        yield from ((said.topic, said.payload) for said in one.greet(end))


def moved(payload: str, by: timedelta) -> str:
    """A message with all its moments so much later."""
    return _MOMENT.sub(lambda m: f'"{datetime.fromisoformat(m[1]) + by:%Y-%m-%dT%H:%M:%SZ}"', payload)


# ------------------------------------------------------------------ Grafana's side


def expand(query: str, start: datetime, end: datetime, variables: Mapping[str, Any]) -> str:
    """A panel's query as Grafana sends it: the macros of its PostgreSQL data source, and the dashboard's variables."""
    since, until = (f"'{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}'" for moment in (start, end))
    query = re.sub(r"\$__timeFilter\(([^)]*)\)", rf"\1 BETWEEN {since} AND {until}", query)
    query = query.replace("$__timeFrom()", since).replace("$__timeTo()", until)

    def value(found: re.Match[str]) -> str:
        name, how = found[1] or found[3], found[2]
        given = variables[name]
        if how == "sqlstring":
            quoted = ["'" + str(v).replace("'", "''") + "'" for v in (given if isinstance(given, list) else [given])]
            return ",".join(quoted)
        assert how is None and not isinstance(given, list), f"{found[0]}: lists need :sqlstring"
        return str(given)

    query = re.sub(r"\$\{(\w+)(?::(\w+))?\}|\$(\w+)", value, query)
    assert "$" not in query, query
    return query
