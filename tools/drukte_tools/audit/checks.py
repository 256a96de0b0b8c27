"""From what was seen to what it means: one check for each way out, each with the leak that proves it can fail."""

from dataclasses import dataclass, field
from typing import Final

from drukte.sense.lock.seal import REQUIRED, SealBits
from drukte_tools.audit.rooms import Seen
from drukte_tools.audit.trace import HARMLESS

CHECKS: Final = ("files", "network", "seal", "door", "memory", "traces", "traffic")
PROVEN_BY: Final = {
    "files": "file",
    "network": "network",
    "seal": "file",
    "door": "door",
    "memory": "hygiene",
    "traces": "planted",
    "traffic": "planted",
}
"""Which leak each check has to catch in the same run."""


@dataclass
class Result:
    """One check. `found`: what speaks against it, by name; empty when it holds. `seen`: the figures behind it."""

    check: str
    found: list[str] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)
    control: bool = False

    @property
    def holds(self) -> bool:
        """Whether nothing was found and the planted leak was."""
        return not self.found and self.control


def files(seen: Seen, state: str) -> Result:
    """Files and other stores that either room opened for writing or made."""
    result = Result("files")
    result.found += [f"sense: {path}" for path in seen.sense.opened if not path.startswith(HARMLESS)]
    result.found += [f"sense: {call}" for call in seen.sense.other if not call.startswith(("mkdir(", "mkdirat("))]
    opened = seen.report.opened if seen.report else {}
    outside = [p for p in opened if not p.startswith((*HARMLESS, state))]
    result.found += [f"report: {path}" for path in outside]
    traced = seen.sense.lines + (seen.report.lines if seen.report else 0)
    result.seen = [f"{traced} system calls", f"report: {len(opened) - len(outside)} files in its own folder"]
    if not traced:
        result.found.append("strace wrote nothing down")
    return result


def network(seen: Seen, broker: str) -> Result:
    """Connections and bytes, by destination."""
    result = Result("network")
    result.found += [f"sense: {n} bytes to {peer}" for peer, n in seen.sense.sent.items()]
    result.found += [f"sense: {call}" for call in seen.sense.connected]
    told = [path for path in seen.sense.opened if ".onnxruntime" in path]
    result.found += [f"sense: telemetry of ONNX Runtime: {path}" for path in told]
    for peer, n in (seen.report.sent if seen.report else {}).items():
        inside = peer.startswith("socket:")  # a pair that the program made for itself
        (result.seen if peer == broker or inside else result.found).append(f"report: {n} bytes to {peer}")
    return result


def sealed(seen: Seen) -> Result:
    """The seal, as the room found by attacking itself, and as the kernel shows it from outside."""
    result = Result("seal")
    if seen.ended not in (None, 0, -15, 143) and not seen.records:
        result.found.append(f"sense: ended with {seen.ended} before it was sealed. {seen.said.strip()[-300:]}")
    if not seen.seal:
        result.found.append("sense: no record told of a seal")
    for bits in seen.seal:
        missing = [bit.name for bit in SealBits if bit in REQUIRED and not bits & bit]
        result.found += [f"sense: the seal lacks {name}" for name in missing]
        result.seen += [f"{bit.name}: {'yes' if bits & bit else 'no'}" for bit in SealBits]
    loose = [t["Pid"] for t in seen.threads if (t.get("Seccomp"), t.get("NoNewPrivs")) != ("2", "1")]
    result.found += [f"sense: thread {pid} is not sealed" for pid in loose]
    result.found += [f"sense: holds {target}" for target in seen.descriptors if target.startswith("socket:")]
    if not seen.threads:
        result.found.append(f"sense: could not be looked at. {seen.unread or 'It had ended'}")
    result.seen += [f"threads under the filter: {len(seen.threads) - len(loose)} of {len(seen.threads)}"]
    return result


def door(seen: Seen, bits: float, hours: float) -> Result:
    """Every record that came out, decoded by the rules of the door."""
    result = Result("door", [f"sense: {n} records: {why}" for why, n in seen.refused.items()])
    if not seen.records and not seen.refused:
        result.found.append("sense: no record came")
    result.seen = [f"{seen.records} records of 64 bytes", f"{bits:.0f} bits/h", f"{hours:.1f} h"]
    for to, n in seen.sense.written.items():
        if not to.startswith(("pipe:", "anon_inode:", *HARMLESS)) and not to.endswith("/said"):
            result.found.append(f"sense: {n} bytes to {to}")
    return result


def memory(seen: Seen) -> Result:
    """Copies of pictures in both programs' memory, between two pictures."""
    result = Result("memory")
    for name, hits, size in seen.scans:
        result.seen.append(f"{name}: {size >> 20} MiB")
        result.found += [f"{name}: {n} copies, {form}" for form, n in hits.items() if n]
    if not any(name == "sense" for name, _, _ in seen.scans):
        why = f"could not be read, root is needed. {seen.unread}" if seen.unread else "not read: the program had ended"
        result.found.append(f"sense: memory {why}")
    return result
