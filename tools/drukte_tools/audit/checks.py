"""From what was seen to what it means: one check for each way out, each with the leaks that prove it can fail."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any, Final

from drukte.sense.lock.kernel import number
from drukte.sense.lock.seal import REQUIRED, SealBits
from drukte_tools.audit.places import Place
from drukte_tools.audit.rooms import Seen
from drukte_tools.audit.trace import ATTACK, HARMLESS, attack_expected

CHECKS: Final = ("files", "network", "seal", "door", "memory", "traces", "traffic")
PROVEN_BY: Final[dict[str, tuple[str, ...]]] = {
    "files": ("file",),
    "network": ("network",),
    "seal": ("unsealed", "hole"),
    "door": ("door",),
    "memory": ("hygiene",),
    "traces": ("planted",),
    "traffic": ("planted",),
}
"""Which leaks each check has to catch in the same run."""
_TELEMETRY: Final = re.compile(r"\.onnxruntime|openvino|intel/stats|events\.data\.|telemetry|analytics", re.IGNORECASE)


@dataclass
class Result:
    """One check.

    Attributes:
        check: which.
        found: what speaks against it, by name; empty when it holds.
        leaks: the kinds of leak that this is, as in `words.LEAK`.
        seen: the figures behind it, (name, value); names are keys of `words.FIGURE`.
        table: rows of figures for a table, each (name, values).
        caught: for each leak that had to be caught, whether it was.
    """

    check: str
    found: list[str] = field(default_factory=list)
    leaks: set[str] = field(default_factory=set)
    seen: list[tuple[str, str]] = field(default_factory=list)
    table: list[tuple[str, list[Any]]] = field(default_factory=list)
    caught: dict[str, bool] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.caught = dict.fromkeys(PROVEN_BY[self.check], False)

    @property
    def control(self) -> bool:
        """Whether all the leaks that were made on purpose were caught."""
        return all(self.caught.values())

    @property
    def holds(self) -> bool:
        """Whether nothing was found and the planted leaks were."""
        return not self.found and self.control

    def against(self, leak: str, found: Iterable[str]) -> None:
        """Note what speaks against it, and what kind of leak it is."""
        before = len(self.found)
        self.found += found
        if leak and len(self.found) > before:
            self.leaks.add(leak)


def files(seen: Seen, state: str) -> Result:
    """Files and other stores that either room opened for writing or made."""
    result = Result("files")
    opened = [path for path in seen.sense.opened if not path.startswith(HARMLESS) and path != seen.device]
    telemetry = [path for path in opened if _TELEMETRY.search(path)]
    result.against("telemetry", _by_folder("sense: opened for writing", telemetry))
    result.against("file", _by_folder("sense: opened for writing", [p for p in opened if p not in telemetry]))
    calls = [call for call in seen.sense.other if not call.startswith(("mkdir(", "mkdirat("))]
    result.against("telemetry", (f"sense: {call}" for call in calls if _TELEMETRY.search(call)))
    result.against("file", (f"sense: {call}" for call in calls if not _TELEMETRY.search(call)))
    theirs = seen.report.opened if seen.report else {}
    outside = [path for path in theirs if not path.startswith((*HARMLESS, state))]
    result.against("file", _by_folder("report: opened for writing", outside))
    traced = seen.sense.lines + (seen.report.lines if seen.report else 0)
    result.seen = [("calls", str(traced)), ("own_files", str(len(theirs) - len(outside)))]
    if seen.device:
        result.seen.append(("to_sensor", f"{seen.sense.written[seen.device]} bytes"))
    if not traced:
        result.against("", ["strace wrote nothing down"])
    return result


def network(seen: Seen, broker: str) -> Result:
    """Connections and bytes, by destination."""
    result = Result("network")
    told = [path for path in seen.sense.opened if _TELEMETRY.search(path)]
    result.against("telemetry", _by_folder("sense: a library keeps reports to its maker", told))
    hosts = sorted(name for name in seen.sense.asked if _TELEMETRY.search(name))
    result.against("telemetry", (f"sense: asked for the address of {name}" for name in hosts))
    result.against("network", (f"sense: asked for the address of {n}" for n in sorted(seen.sense.asked - {*hosts})))
    leak = "telemetry" if told or hosts else "network"
    result.against(leak, (f"sense: {n} bytes to {peer}" for peer, n in seen.sense.sent.items()))
    result.against(leak, (f"sense: {call} ({n}x)" for call, n in Counter(seen.sense.connected).items()))
    for peer, n in (seen.report.sent if seen.report else {}).items():
        if peer == broker:
            result.seen.append(("to_broker", f"{n} bytes"))
        elif not peer.startswith("socket:"):  # a pair that the program made for itself
            result.against("network", [f"report: {n} bytes to {peer}"])
    result.seen.append(("sent", f"{sum(seen.sense.sent.values())} bytes"))
    return result


def sealed(seen: Seen) -> Result:
    """The seal, as the kernel shows it from outside and as strace saw the room attack itself."""
    result = Result("seal")
    if seen.by_itself:
        result.against("ended", [f"sense: {seen.reason}"])
    if not seen.sense.sealed:
        result.against("" if seen.by_itself else "unsealed", ["sense: never gave the kernel a filter of system calls"])
    short = {call: n for call, n in (ATTACK - seen.sense.refused).items() if _exists(call)}
    if seen.sense.sealed and short:
        names = ", ".join(sorted(short))
        result.against("hole", [f"sense: {sum(short.values())} forbidden acts were not seen to be refused: {names}"])
    result.against("hole", (f"sense: allowed behind the seal: {call}" for call in seen.sense.allowed))
    for bits in seen.seal:
        missing = [bit.name for bit in SealBits if bit in REQUIRED and not bits & bit]
        result.against("unsealed", (f"sense: the seal lacks {name}" for name in missing))
    loose = [t["Pid"] for t in seen.threads if (t.get("Seccomp"), t.get("NoNewPrivs")) != ("2", "1")]
    result.against("unsealed", (f"sense: thread {pid} is not sealed" for pid in loose))
    result.against("network", (f"sense: holds {t}" for t in seen.descriptors if t.startswith("socket:")))
    if not seen.threads:
        result.against("", [f"sense: could not be looked at: {seen.unread or 'it had ended'}"])
    refused = sum((seen.sense.refused & ATTACK).values())
    result.seen = [
        ("refused", f"{refused} / {attack_expected()}"),
        ("threads", f"{len(seen.threads) - len(loose)} / {len(seen.threads)}"),
        ("holds", ", ".join(f"{n}x {what}" for what, n in Counter(map(_kind, seen.descriptors)).items()) or "-"),
    ]
    bits = next(iter(seen.seal), 0)
    result.table = [(bit.name or "", [bool(bits & bit), bit in REQUIRED]) for bit in SealBits]
    return result


def door(seen: Seen, bits: float, hours: float) -> Result:
    """Every record that came out, decoded by the rules of the door."""
    result = Result("door")
    result.against("door", (f"sense: {n} records refused: {why}" for why, n in seen.refused.items()))
    if not seen.records and not seen.refused:
        result.against("", ["sense: no record came" + (": it ended by itself, see the seal" if seen.by_itself else "")])
    result.seen = [("records", f"{seen.records} x 64 bytes"), ("bound", f"{bits:.0f} bits/h ({hours:.1f} h / 10 kB)")]
    for to, n in seen.sense.written.items():
        known = (
            to in (*seen.sense.opened, seen.device)
            or to.startswith(("pipe:", "anon_inode:", *HARMLESS))
            or to.endswith("/said")
        )
        if not known:
            result.against("file", [f"sense: {n} bytes to {to}"])
    return result


def memory(seen: Seen) -> Result:
    """Copies of frames in both programs' memory, between two frames."""
    result = Result("memory")
    for name, hits, size in seen.scans:
        result.seen.append((f"scan_{name}", f"{size >> 20} MiB"))
        result.against("hygiene", (f"{name}: {n} copies, {form}" for form, n in hits.items() if n))
    if not any(name == "sense" for name, _, _ in seen.scans):
        why = "not searched: the program had ended, see the seal"
        if seen.unread:
            why = f"could not be read, root is needed ({seen.unread})"
        result.against("", [f"sense: memory {why}"])
    forms = next((hits for _, hits, _ in seen.scans), {})
    result.table = [(form, [most(seen, "sense", form), most(seen, "report", form)]) for form in forms]
    return result


def most(seen: Seen, program: str, form: str) -> int | None:
    """The most copies of a piece in one look through a program's memory; None if nobody looked."""
    return max((hits[form] for name, hits, _ in seen.scans if name == program), default=None)


def traces(places: list[Place]) -> Result:
    """Pieces of frames left in files, shared memory, swap or the journal."""
    result = Result("traces")
    for place in places:
        result.against("file", (f"{path}: {n} pieces" for path, n in place.found.items()))
        result.table.append((place.name, [place.not_searched, place.files, place.read, sum(place.found.values())]))
        if place.not_searched not in ("", "absent"):
            result.against("", [f"{place.name}: not searched: {place.not_searched}"])
    return result


def caught(leak: str, seen: Seen, path: str, proof: Mapping[str, int]) -> bool:
    """Whether the right check caught a room gone bad.

    Args:
        leak: which leak it has.
        seen: what was seen of it.
        path: the file that it may have written.
        proof: copies of each piece that a room which overwrites nothing has to show at least.
    """
    match leak:
        case "file":
            return any(PurePath(path).name in found for found in files(seen, "-").found)
        case "network":
            return any("bytes to" in found for found in network(seen, "-").found)
        case "unsealed":
            return any("is not sealed" in found for found in sealed(seen).found)
        case "hole":
            found = sealed(seen).found
            return not seen.by_itself and any("allowed behind the seal: openat" in text for text in found)
        case "door":
            return any("flags" in found for found in door(seen, 0, 0).found)
        case "hygiene":
            return all((most(seen, "sense", form) or 0) >= least for form, least in proof.items())
    return False


def _exists(call: str) -> bool:
    return number(call) is not None


def _kind(target: str) -> str:
    """A descriptor's target, without its number."""
    return target.partition(":[")[0]


def _by_folder(what: str, paths: Iterable[str]) -> list[str]:
    """One line for all files of a folder."""
    folders: dict[str, list[str]] = {}
    for path in paths:
        folders.setdefault(str(PurePath(path).parent), []).append(PurePath(path).name)
    return [f"{what}: {folder}/{', '.join(names)}" for folder, names in folders.items()]
