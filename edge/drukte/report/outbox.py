"""Store and forward: what the process must not forget, in one SQLite file.

It holds the ticks of windows that are still open, how far the windows have been told, and every observation until all
brokers have confirmed it. A window is closed in one transaction (position moved, ticks dropped, observation stored),
so that a crash at any moment neither loses nor doubles one.
"""

import contextlib
import logging
import sqlite3
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from drukte.report.formats.native import Observation, dump, seconds
from drukte.report.merge import HOUR, merge_hour
from drukte.summary import DoorError, Summary, decode, encode

log = logging.getLogger(__name__)

KEEP: Final = 8 * 86_400
"""Longest time that an observation waits for a broker, s."""
MAX_BYTES: Final = 20_000_000
"""Most that waiting observations may take on disk."""
_ROW: Final = 700
"""Bytes on disk that one waiting observation takes, indices included; measured (tests/report/test_outbox.py)."""

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS facts(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS memory(name TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS ticks(zone INTEGER, end INTEGER, record BLOB NOT NULL, PRIMARY KEY(zone, end)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS waiting(seq INTEGER PRIMARY KEY, made REAL NOT NULL, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS due(broker TEXT, seq INTEGER, PRIMARY KEY(broker, seq)) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class Waiting:
    """An observation that a broker has not confirmed yet; `made` is when it was stored, s since 1970."""

    seq: int
    made: float
    observation: Observation


class Outbox:
    """The store. One thread uses it.

    Args:
        path: the file; None keeps it in memory.
        brokers: names of all who must confirm.
        now: wall clock, s since 1970.
        limit: most bytes that waiting observations may take.
        wants: whether an observation is meant for a broker.

    Attributes:
        merged: observations put together to hours since the start because the store was too full.
        lost: observations given up since the start because the store was too full or they were too old.
        moved_aside: where a damaged store was put, None when it was sound.
    """

    def __init__(
        self,
        path: Path | None,
        brokers: Sequence[str],
        now: Callable[[], float] = time.time,
        limit: int = MAX_BYTES,
        wants: Callable[[str, Observation], bool] = lambda _broker, _observation: True,
    ) -> None:
        self._path = path
        self._brokers = tuple(brokers)
        self._now = now
        self._wants = wants
        self._most = max(100, limit // _ROW)
        self.moved_aside: Path | None = None
        self._db = self._open()
        self._seq = self._fact("seq")
        self.merged = 0
        self.lost = 0

    def _open(self) -> sqlite3.Connection:
        try:
            return self._connect()
        except sqlite3.DatabaseError as error:
            if self._path is None or isinstance(error, sqlite3.OperationalError):
                raise
            self.moved_aside = self._path.with_suffix(f".damaged-{int(self._now())}")
            for suffix in ("-wal", "-shm"):
                Path(f"{self._path}{suffix}").unlink(missing_ok=True)
            self._path.rename(self.moved_aside)
            log.error(
                "%s is damaged (%s): moved to %s, starting with an empty store; what waited in it is lost",
                self._path, error, self.moved_aside,
            )  # fmt: skip
            return self._connect()

    def _connect(self) -> sqlite3.Connection:
        db = sqlite3.connect(self._path or ":memory:", isolation_level=None, timeout=5)
        try:
            db.execute("PRAGMA journal_mode=WAL")
            db.execute("PRAGMA wal_autocheckpoint=100")  # 400 kB: the default, 4 MB, can fill a small disk by itself
            db.execute("PRAGMA synchronous=FULL")
            db.execute("PRAGMA secure_delete=ON")
            db.execute("PRAGMA temp_store=MEMORY")
            db.execute("PRAGMA journal_size_limit=1000000")
            if db.execute("PRAGMA quick_check").fetchone()[0] != "ok":
                raise sqlite3.DatabaseError("its pages do not fit together")
            db.executescript(_TABLES)
        except BaseException:
            db.close()
            raise
        if self._path is not None:
            self._path.chmod(0o600)
        return db

    def close(self) -> None:
        """Write everything out and release the file."""
        self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def _fact(self, name: str) -> int:
        row = self._db.execute("SELECT value FROM facts WHERE name=?", (name,)).fetchone()
        return int(row[0]) if row else 0

    def _set_fact(self, name: str, value: int) -> None:
        self._db.execute("INSERT OR REPLACE INTO facts VALUES(?,?)", (name, value))

    def remember(self, ticks: Iterable[Summary]) -> None:
        """Keep ticks until their windows are closed."""
        rows = [(tick.zone, tick.end, encode(tick)) for tick in ticks]
        if rows:
            with self._transaction():
                self._db.executemany("INSERT OR REPLACE INTO ticks VALUES(?,?,?)", rows)

    def ticks(self) -> list[Summary]:
        """The ticks that are kept, oldest first."""
        found = []
        for (record,) in self._db.execute("SELECT record FROM ticks ORDER BY end, zone"):
            with contextlib.suppress(DoorError):
                found.append(decode(record))
        return found

    def positions(self, zones: Sequence[str]) -> list[int | None]:
        """End of the last closed window of each zone, s since 1970; None for a zone that is new."""
        return [self._fact(f"closed {zone}") or None for zone in zones]

    def remembered(self, name: str) -> str | None:
        """What was last remembered under a name."""
        row = self._db.execute("SELECT body FROM memory WHERE name=?", (name,)).fetchone()
        return str(row[0]) if row else None

    def memorise(self, name: str, body: str) -> None:
        """Remember something under a name; it is on the disk when this returns."""
        with self._transaction():
            self._db.execute("INSERT OR REPLACE INTO memory VALUES(?,?)", (name, body))

    def keep(self, name: str, body: str) -> None:
        """Remember something under a name; a full disk is no reason to stop."""
        with contextlib.suppress(sqlite3.OperationalError), self._transaction():
            self._db.execute("INSERT OR REPLACE INTO memory VALUES(?,?)", (name, body))

    @property
    def next_seq(self) -> int:
        """Number that the next observation must have."""
        return self._seq

    def store(
        self,
        observations: Sequence[Observation],
        positions: Mapping[str, int],
        needed_from: int = 0,
        under_way: int = -1,
        memory: Mapping[str, str] | None = None,
    ) -> None:
        """Take in observations of closed windows, numbered from `next_seq`.

        Args:
            observations: what to deliver.
            positions: end of the last closed window by zone (or other name), s since 1970.
            needed_from: ticks that end up to this moment are forgotten.
            under_way: observations up to this number may be on the line at this moment, so they are not merged.
            memory: what to remember by name, in the same transaction.
        """
        made = self._now()
        with self._transaction():
            for seq, observation in enumerate(observations, self._seq):
                if observation.seq != seq:
                    raise ValueError(f"observation {observation.seq} stored as {seq}")
                takers = [broker for broker in self._brokers if self._wants(broker, observation)]
                if takers:
                    self._db.execute("INSERT INTO waiting VALUES(?,?,?)", (seq, made, _pack(observation)))
                    self._db.executemany("INSERT INTO due VALUES(?,?)", [(broker, seq) for broker in takers])
            self._set_fact("seq", self._seq + len(observations))
            for zone, end in positions.items():
                self._set_fact(f"closed {zone}", end)
            self._db.execute("DELETE FROM ticks WHERE end<=?", (needed_from,))
            self._db.executemany("INSERT OR REPLACE INTO memory VALUES(?,?)", (memory or {}).items())
        self._seq += len(observations)
        self._trim(under_way)

    def _trim(self, under_way: int) -> None:
        """Make room when there are too many: put the oldest together to hours, then give the oldest up."""
        old = self._now() - KEEP
        with self._transaction():
            if len(self) > self._most:
                self._merge(under_way)
            limit = self._db.execute(
                "SELECT seq FROM waiting ORDER BY seq DESC LIMIT 1 OFFSET ?", (self._most - 1,)
            ).fetchone()
            gone = self._db.execute(
                "DELETE FROM waiting WHERE seq<? OR made<?", (limit[0] if limit else 0, old)
            ).rowcount
            if gone:
                self._db.execute("DELETE FROM due WHERE seq NOT IN (SELECT seq FROM waiting)")
        self.lost += max(0, gone)

    def _merge(self, under_way: int) -> None:
        """Put the oldest windows together to hours until a tenth of the room is free again."""
        aim = len(self) - self._most * 9 // 10
        hours: dict[tuple[str, str, int, str], list[tuple[int, Observation]]] = {}
        rows = self._db.execute(
            "SELECT w.seq, w.body, (SELECT group_concat(broker) FROM (SELECT broker FROM due WHERE seq=w.seq "
            "ORDER BY broker)) FROM waiting w WHERE w.seq>? ORDER BY w.seq LIMIT ?",
            (under_way, 4 * aim + 1000),
        ).fetchall()
        for seq, body, brokers in rows:
            o = Observation.model_validate_json(zlib.decompress(body))
            if o.merged is None and seconds(o.to) - seconds(o.from_) < HOUR:
                hours.setdefault((o.zone, o.disclosure.policy, seconds(o.from_) // HOUR, brokers), []).append((seq, o))
        for group in hours.values():
            if aim <= 0:
                break
            if len(group) < 2:
                continue
            last = group[-1][0]
            self._db.execute("UPDATE waiting SET body=? WHERE seq=?", (_pack(merge_hour([o for _, o in group])), last))
            old = [(seq,) for seq, _ in group[:-1]]
            self._db.executemany("DELETE FROM waiting WHERE seq=?", old)
            self._db.executemany("DELETE FROM due WHERE seq=?", old)
            aim -= len(old)
            self.merged += len(group)

    def batch(self, broker: str, after: int, most: int) -> list[Waiting]:
        """The oldest observations with a number above `after` that a broker has not confirmed."""
        rows = self._db.execute(
            "SELECT w.seq, w.made, w.body FROM due d JOIN waiting w ON w.seq=d.seq "
            "WHERE d.broker=? AND d.seq>? ORDER BY d.seq LIMIT ?",
            (broker, after, most),
        )
        return [Waiting(seq, made, Observation.model_validate_json(zlib.decompress(body))) for seq, made, body in rows]

    def confirm(self, broker: str, seqs: Iterable[int]) -> None:
        """A broker has these; those that all brokers have are forgotten."""
        seqs = list(seqs)
        if not seqs:
            return
        with self._transaction():
            self._db.executemany("DELETE FROM due WHERE broker=? AND seq=?", [(broker, seq) for seq in seqs])
            self._db.executemany(
                "DELETE FROM waiting WHERE seq=?1 AND NOT EXISTS(SELECT 1 FROM due WHERE seq=?1)",
                [(seq,) for seq in seqs],
            )

    def __len__(self) -> int:
        return int(self._db.execute("SELECT count(*) FROM waiting").fetchone()[0])

    def waiting(self, broker: str) -> int:
        """Observations that a broker has not confirmed."""
        return int(self._db.execute("SELECT count(*) FROM due WHERE broker=?", (broker,)).fetchone()[0])


def _pack(observation: Observation) -> bytes:
    return zlib.compress(dump(observation).encode(), 9)
