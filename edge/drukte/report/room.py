"""Room in a full store: the oldest windows are put together to hours, and what is too old or too much is given up.

All of it costs as much as it changes: what has been looked at is not looked at again, and nothing counts all rows.
"""

import math
import sqlite3
import zlib
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, field
from typing import Final

from drukte.report.formats.native import Observation, dump, seconds
from drukte.report.merge import HOUR, merge_hour

_CHUNK: Final = 500
"""Rows that are read at a time."""


def pack(observation: Observation) -> bytes:
    """An observation as it lies in the store."""
    return zlib.compress(dump(observation).encode(), 9)


def unpack(body: bytes) -> Observation:
    """An observation from the store."""
    return Observation.model_validate_json(zlib.decompress(body))


@dataclass(slots=True)
class _Hour:
    """Windows of one zone and product that lie in one hour and wait for the same brokers."""

    number: int  # hours since 1970
    brokers: tuple[str, ...]
    windows: dict[int, Observation] = field(default_factory=dict)  # by their number in the store


class Hours:
    """Puts the oldest windows of a store together to hours. It remembers how far it has come.

    Args:
        db: the store, see outbox.py.
    """

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._done = -1  # up to this number nothing is left to be put together

    def merge(self, aim: int, brokers: Sequence[str], under_way: Set[int]) -> Iterator[tuple[int, tuple[str, ...]]]:
        """Put windows together until `aim` rows are gone, or there is nothing left to put together.

        Args:
            aim: how many rows should go.
            brokers: all for whom something waits.
            under_way: windows that are on the line at this moment; their hours are left alone.

        Yields:
            for each hour, how many rows it took the place of, itself included, and the brokers that it waits for.
        """
        hours: dict[tuple[str, str, tuple[str, ...]], _Hour] = {}
        later: list[_Hour] = []
        last = self._done
        while aim > 0 and (rows := self._rows(last, brokers)):
            for seq, body, waiting in rows:
                last = seq
                o = unpack(body)
                if o.merged is not None or seconds(o.to) - seconds(o.from_) >= HOUR:
                    continue
                key, number = (o.zone, o.disclosure.policy, waiting), seconds(o.from_) // HOUR
                if key in hours and hours[key].number != number:
                    full = hours.pop(key)
                    if not under_way or under_way.isdisjoint(full.windows):
                        aim -= self._replace(full)
                        yield len(full.windows), waiting
                    else:
                        later.append(full)
                hours.setdefault(key, _Hour(number, waiting)).windows[seq] = o
        later += hours.values()
        # All before the first window of what is left has been dealt with.
        self._done = min((next(iter(hour.windows)) for hour in later), default=last + 1) - 1
        # Very little room: then also parts of hours.
        for hour in later:
            if aim <= 0:
                return
            for seq in under_way & hour.windows.keys():
                del hour.windows[seq]
            if hour.windows:
                aim -= self._replace(hour)
                yield len(hour.windows), hour.brokers

    def _rows(self, after: int, brokers: Sequence[str]) -> list[tuple[int, bytes, tuple[str, ...]]]:
        """The next rows, each with the brokers that it waits for."""
        rows = self._db.execute(
            "SELECT seq, body FROM waiting WHERE seq>? ORDER BY seq LIMIT ?", (after, _CHUNK)
        ).fetchall()
        waiting: dict[int, tuple[str, ...]] = {}
        for broker in brokers if rows else ():
            span = (broker, rows[0][0], rows[-1][0])
            for (seq,) in self._db.execute("SELECT seq FROM due WHERE broker=? AND seq BETWEEN ? AND ?", span):
                waiting[seq] = (*waiting.get(seq, ()), broker)
        return [(seq, body, waiting.get(seq, ())) for seq, body in rows]

    def _replace(self, hour: _Hour) -> int:
        """Put an hour in the place of its windows; how many rows are gone."""
        *old, last = hour.windows
        if old:
            body = pack(merge_hour(list(hour.windows.values())))
            self._db.execute("UPDATE waiting SET body=? WHERE seq=?", (body, last))
            self._db.executemany("DELETE FROM waiting WHERE seq=?", [(seq,) for seq in old])
            self._db.executemany(
                "DELETE FROM due WHERE broker=? AND seq=?", [(broker, seq) for broker in hour.brokers for seq in old]
            )
        return len(old)


def give_up(db: sqlite3.Connection, too_many: int, before: float) -> int:
    """Delete the oldest windows: so many, and those that were made before a time. How many windows are gone.

    Args:
        db: the store.
        too_many: how many must go, 0 or more.
        before: what is older goes too, s since 1970. Windows are in order of time.
    """
    fresh = db.execute("SELECT seq FROM waiting WHERE made>=? ORDER BY seq LIMIT 1", (before,)).fetchone()
    kept = db.execute("SELECT seq FROM waiting ORDER BY seq LIMIT 1 OFFSET ?", (too_many,)).fetchone()
    end = max(fresh[0], kept[0]) if fresh and kept else math.inf
    gone = 0
    for (body,) in db.execute("SELECT body FROM waiting WHERE seq<?", (end,)):
        merged = unpack(body).merged
        gone += merged.windows if merged else 1
    if gone:
        db.execute("DELETE FROM waiting WHERE seq<?", (end,))
        db.execute("DELETE FROM due WHERE seq NOT IN (SELECT seq FROM waiting)")
    return gone
