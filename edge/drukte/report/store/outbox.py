"""Store and forward: what the process must not forget, in one SQLite file.

It holds the ticks of windows that are still open, how far the windows have been told, and every observation until all
brokers have confirmed it. A window is closed in one transaction (position moved, ticks dropped, observation stored),
so that a crash at any moment neither loses nor doubles one.
"""

import contextlib
import logging
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from drukte.report.formats.native import Observation
from drukte.report.store.room import Hours, give_up, pack, unpack
from drukte.summary import DoorError, Summary, decode, encode

log = logging.getLogger(__name__)

KEEP: Final = 8 * 86_400
"""Longest time that an observation waits for a broker, s."""
MAX_BYTES: Final = 20_000_000
"""Most that waiting observations may take on disk."""
_ROW: Final = 700
"""Bytes on disk that one waiting observation takes, indices included; measured (tests/report/store/test_outbox.py)."""
_FREE: Final = 40
"""When the store is full, this part of it is made free (one 40th), so that not every window has to make room."""
_ALL: Final = ""

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
        self._hours = Hours(self._db)
        self._counted: Counter[str] | None = None
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
            self._db.execute("COMMIT")
        except BaseException:
            # What is remembered of the rows may be of changes that did not come to be.
            self._counted, self._hours = None, Hours(self._db)
            if self._db.in_transaction:  # a disk that is full may have ended it already
                self._db.execute("ROLLBACK")
            raise

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
        under_way: Set[int] = frozenset(),
        memory: Mapping[str, str] | None = None,
    ) -> None:
        """Take in observations of closed windows, numbered from `next_seq`.

        Args:
            observations: what to deliver.
            positions: end of the last closed window by zone (or other name), s since 1970.
            needed_from: ticks that end up to this moment are forgotten.
            under_way: numbers of observations that are on the line at this moment, so they are not merged.
            memory: what to remember by name, in the same transaction.
        """
        made = self._now()
        with self._transaction():
            counts = self._counts()
            for seq, observation in enumerate(observations, self._seq):
                if observation.seq != seq:
                    raise ValueError(f"observation {observation.seq} stored as {seq}")
                takers = [broker for broker in self._brokers if self._wants(broker, observation)]
                if takers:
                    self._db.execute("INSERT INTO waiting VALUES(?,?,?)", (seq, made, pack(observation)))
                    self._db.executemany("INSERT INTO due VALUES(?,?)", [(broker, seq) for broker in takers])
                    counts.update((_ALL, *takers))
            self._set_fact("seq", self._seq + len(observations))
            for zone, end in positions.items():
                self._set_fact(f"closed {zone}", end)
            self._db.execute("DELETE FROM ticks WHERE end<=?", (needed_from,))
            self._db.executemany("INSERT OR REPLACE INTO memory VALUES(?,?)", (memory or {}).items())
        self._seq += len(observations)
        self._trim(under_way)

    def _trim(self, under_way: Set[int]) -> None:
        """Make room when there are too many: put the oldest together to hours, then give the oldest up."""
        with self._transaction():
            if len(self) > self._most:
                counts = self._counts()
                aim = len(self) - self._most + self._most // _FREE
                for rows, brokers in self._hours.merge(aim, [name for name in counts if name != _ALL], under_way):
                    self.merged += rows if rows > 1 else 0
                    for name in (_ALL, *brokers):
                        counts[name] -= rows - 1
            gone = give_up(self._db, max(0, len(self) - self._most), self._now() - KEEP)
            if gone:
                self._counted = None
        self.lost += gone

    def batch(self, broker: str, after: int, most: int) -> list[Waiting]:
        """The oldest observations with a number above `after` that a broker has not confirmed."""
        rows = self._db.execute(
            "SELECT w.seq, w.made, w.body FROM due d JOIN waiting w ON w.seq=d.seq "
            "WHERE d.broker=? AND d.seq>? ORDER BY d.seq LIMIT ?",
            (broker, after, most),
        )
        return [Waiting(seq, made, unpack(body)) for seq, made, body in rows]

    def confirm(self, broker: str, seqs: Iterable[int]) -> None:
        """A broker has these; those that all brokers have are forgotten."""
        seqs = list(seqs)
        if not seqs:
            return
        with self._transaction():
            counts = self._counts()
            counts[broker] -= self._db.executemany(
                "DELETE FROM due WHERE broker=? AND seq=?", [(broker, seq) for seq in seqs]
            ).rowcount
            counts[_ALL] -= self._db.executemany(
                "DELETE FROM waiting WHERE seq=?1 AND NOT EXISTS(SELECT 1 FROM due WHERE seq=?1)",
                [(seq,) for seq in seqs],
            ).rowcount

    def __len__(self) -> int:
        return self._counts()[_ALL]

    def waiting(self, broker: str) -> int:
        """Observations that a broker has not confirmed."""
        return self._counts()[broker]

    def _counts(self) -> Counter[str]:
        """Rows that wait for each broker and, under `_ALL`, for any; counted once and then kept."""
        if self._counted is None:
            self._counted = Counter(dict(self._db.execute("SELECT broker, count(*) FROM due GROUP BY broker")))
            self._counted[_ALL] = int(self._db.execute("SELECT count(*) FROM waiting").fetchone()[0])
        return self._counted
