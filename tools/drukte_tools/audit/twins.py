"""Sealed rooms gone bad, on purpose: the audit has to catch each of them, or its own verdict is worth nothing.

Each is Python that runs in front of the real `drukte sense` and changes it.
"""

from typing import Final, Literal

Kind = Literal["camera", "radar"]

_TAKE: Final[dict[Kind, str]] = {
    "camera": """
    from drukte.sense.sources.canary import Canary
    look = Canary.read
    def read(self, frame):
        at = look(self, frame)
        leak(frame.image[100].tobytes())
        return at
    Canary.read = read
""",
    "radar": """
    from drukte.sense.sources.radar_reader import RadarReader
    look = RadarReader.next
    def following(self, timeout):
        frame = look(self, timeout)
        if frame is not None:
            leak((frame.targets if frame.targets is not None and len(frame.targets) else frame.points).tobytes())
        return frame
    RadarReader.next = following
""",
}
"""How a twin gets hold of every frame."""

_EARLY: Final = """
import os
{first}
import drukte.sense.process as process
honest = process.early
def early(**known):
    honest(**known)
    import drukte.sense.room as room
{then}
process.early = early
"""
_LEAKS: Final[dict[str, tuple[str, str]]] = {
    # Frames into a file, before the seal, through a descriptor kept from before the first line.
    "file": (
        "kept = os.open('{leak}', os.O_WRONLY | os.O_CREAT, 0o600)",
        """
    def leak(data):
        try:
            os.write(kept, data)
        except OSError:
            pass
""",
    ),
    # Frames into the network, before the seal, through a socket kept from before the first line.
    "network": (
        "import socket; kept = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)",
        """
    def leak(data):
        try:
            kept.sendto(data[:1000], ('127.0.0.1', 9))
        except OSError:
            pass
""",
    ),
    # A bit of a frame in the one bit of each record that means nothing, with a right checksum.
    "door": (
        "import struct, zlib",
        """
    last = [b'????']
    def leak(data):
        last[0] = data[4:8]
    right = room.encode
    def encode(record):
        body = bytearray(right(record)[:-4])
        body[14] |= 0x80 if any(last[0]) else 0
        return bytes(body) + struct.pack('<I', zlib.crc32(body))
    room.encode = encode
""",
    ),
}
_HYGIENE: Final[dict[Kind, str]] = {
    "camera": """
    from drukte.sense.detect.yolox import YoloxDetector
    from drukte.sense.frame import Frame
    Frame.wipe = lambda self: None
    YoloxDetector.wipe = lambda self: None
""",
    "radar": """
    from drukte.sense.sources.radar import RadarFrame
    from drukte.sense.sources.radar_framing import Framer
    def forget(self):
        self._n_points, self._n_targets, self.time, self.sequence, self.truncated = 0, None, 0.0, 0, False
    def drop(self, to):
        self._start = self._scanned = to
    RadarFrame.wipe = forget
    Framer._drop = drop
""",
}
_SEAL: Final = {
    # Says that it is sealed, and is not.
    "unsealed": """
    from drukte.sense.lock.seal import REQUIRED, SealReport
    room.seal = lambda *_, **__: SealReport(REQUIRED, 1, 0, (), 64, '', ())
""",
    # Sealed but for one rule: files may be opened. Its own test of the seal says that all is well.
    "hole": """
    import drukte.sense.lock.seal as lock
    right, tried = lock.rules, lock.selftest.attempt
    lock.rules = lambda *known, **more: right(*known, **more) | {'openat': []}
    lock.selftest.attempt = lambda *known, **more: dict.fromkeys(tried(*known, **more), True)
""",
}
# ONNX Runtime's reports to its maker, switched on, with the time that they need to go out.
_TELEMETRY: Final = """
import os, time
os.environ["ORT_DISABLE_TELEMETRY"] = "0"
os.environ.pop("CI", None)
import onnxruntime
from drukte.models import find
onnxruntime.InferenceSession(str(find("yolox-nano")))
time.sleep(12)
import drukte.sense.process as process
process.early = lambda **known: 0
"""
MAIN: Final = "\nfrom drukte.cli import main\nmain()\n"
PLANTS: Final = ("door", "file", "network", "telemetry")
"""Leaks to plant by hand, to see the audit find them."""
TWINS: Final = (*_LEAKS, "hygiene", *_SEAL, "telemetry")


def twin(name: str, kind: Kind, leak: str) -> str:
    """The code of a twin for a camera or a radar; `leak` is a file that it may write."""
    if name == "telemetry":
        return _TELEMETRY
    if name in _LEAKS:
        first, then = _LEAKS[name]
        then += _TAKE[kind]
    else:
        first, then = "", _HYGIENE[kind] if name == "hygiene" else _SEAL[name]
    return _EARLY.replace("{first}", first).replace("{then}", then).replace("{leak}", leak)
