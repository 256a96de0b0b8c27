"""What this device has published, kept on the device: every window for two days, hours for ninety.

Only protected observations come here, so whoever takes the disk learns what the broker was told. Losing the latest
moments with the power costs nothing but a gap on the page, so the file is written lazily.
"""

import contextlib
import logging
import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from drukte.report.disclosure.merge import HOUR, merge_hour
from drukte.report.formats.native import Observation, dump, seconds

log = logging.getLogger(__name__)

DETAIL: Final = 2 * 86_400
"""Windows are kept one by one for this long, s."""
KEEP: Final = 90 * 86_400
"""Nothing is kept longer than this, s."""
_TABLE: Final = """
CREATE TABLE IF NOT EXISTS windows(
  zone TEXT, start INTEGER, end INTEGER, body BLOB NOT NULL, PRIMARY KEY(zone, start)) WITHOUT ROWID;
"""


class History:
    """The file. Readers open their own, with `path` and from any thread."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._db = self._open()
        self._tidied = 0

    def _open(self) -> sqlite3.Connection:
        try:
            return self._connect()
        except sqlite3.DatabaseError as error:
            if self.path is None or isinstance(error, sqlite3.OperationalError):
                raise
            log.error("%s is damaged (%s): starting with an empty history", self.path, error)
            for suffix in ("", "-wal", "-shm"):
                Path(f"{self.path}{suffix}").unlink(missing_ok=True)
            return self._connect()

    def _connect(self) -> sqlite3.Connection:
        db = sqlite3.connect(self.path or ":memory:", isolation_level=None, timeout=5)
        try:
            db.execute("PRAGMA journal_mode=WAL")
            db.execute("PRAGMA wal_autocheckpoint=100")  # 400 kB: the default, 4 MB, can fill a small disk by itself
            db.execute("PRAGMA synchronous=NORMAL")
            db.execute("PRAGMA secure_delete=ON")
            db.executescript(_TABLE)
            db.execute("SELECT count(*) FROM windows").fetchone()
        except BaseException:
            db.close()
            raise
        if self.path is not None:
            self.path.chmod(0o600)
        return db

    def close(self) -> None:
        """Release the file."""
        self._db.close()

    def keep(self, observations: Iterable[Observation]) -> None:
        """Take in what has been published; a full disk costs history, not counting."""
        rows = [(o.zone, seconds(o.from_), seconds(o.to), zlib.compress(dump(o).encode(), 9)) for o in observations]
        with contextlib.suppress(sqlite3.OperationalError):
            self._db.execute("BEGIN IMMEDIATE")
            try:
                self._db.executemany("INSERT OR REPLACE INTO windows VALUES(?,?,?,?)", rows)
                newest = max((end for _, _, end, _ in rows), default=0)
                if newest // HOUR != self._tidied:
                    self._tidy(newest)
                    self._tidied = newest // HOUR
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def _tidy(self, now: int) -> None:
        self._db.execute("DELETE FROM windows WHERE end<=?", (now - KEEP,))
        old = (now - DETAIL) // HOUR * HOUR
        groups: dict[tuple[str, int], list[Observation]] = {}
        for (body,) in self._db.execute(
            "SELECT body FROM windows WHERE end<=? AND end-start<? ORDER BY zone, start", (old, HOUR)
        ):
            o = _unpack(body)
            groups.setdefault((o.zone, seconds(o.from_) // HOUR), []).append(o)
        for (zone, hour), parts in groups.items():
            self._db.execute(
                "DELETE FROM windows WHERE zone=? AND start>=? AND end<=?", (zone, hour * HOUR, (hour + 1) * HOUR)
            )
            whole = merge_hour(parts)
            self._db.execute(
                "INSERT OR REPLACE INTO windows VALUES(?,?,?,?)",
                (zone, hour * HOUR, (hour + 1) * HOUR, zlib.compress(dump(whole).encode(), 9)),
            )

    def between(self, start: int, end: int, zone: str | None = None) -> list[Observation]:
        """Observations that lie within a span (s since 1970), oldest first; of one zone or all."""
        return between(self._db, start, end, zone)


def between(db: sqlite3.Connection, start: int, end: int, zone: str | None = None) -> list[Observation]:
    """As `History.between`, on a connection of the caller's."""
    return list(each(db, start, end, zone))


def each(db: sqlite3.Connection, start: int, end: int, zone: str | None = None) -> Iterator[Observation]:
    """As `between`, one after the other, for spans that are too long to hold."""
    where, values = ("AND zone=?", [zone]) if zone is not None else ("", [])
    rows = db.execute(
        f"SELECT body FROM windows WHERE start>=? AND end<=? {where} ORDER BY start, zone",  # noqa: S608 - fixed text
        (start, end, *values),
    )
    return (_unpack(body) for (body,) in rows)


def read_only(path: Path) -> sqlite3.Connection:
    """A connection that can only read the history file.

    Raises:
        sqlite3.OperationalError: there is no such file.
    """
    return sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5)


def _unpack(body: bytes) -> Observation:
    return Observation.model_validate_json(zlib.decompress(body))


def newest(observations: Sequence[Observation]) -> dict[str, Observation]:
    """The latest of each zone."""
    return {o.zone: o for o in sorted(observations, key=lambda o: o.to)}
