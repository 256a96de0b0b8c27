"""Sealed rooms gone bad, on purpose: the audit has to catch each of them, or its own verdict is worth nothing.

Each is Python that runs in front of the real `drukte sense` and changes it. `{leak}` is a file that may be written.
"""

from typing import Final

_AFTER_EARLY = """
import os
{first}
import drukte.sense.process as process
honest = process.early
def early(**known):
    honest(**known)
    import drukte.sense.room as room
    from drukte.sense.sources.canary import Canary
    look = Canary.read
{then}
process.early = early
"""


def _twin(first: str, then: str) -> str:
    body = "\n".join("    " + row for row in then.strip("\n").splitlines())
    return _AFTER_EARLY.replace("{first}", first.strip()).replace("{then}", body)


TWINS: Final[dict[str, str]] = {
    # Pictures into a file, before the seal, through a descriptor kept from before the first line.
    "file": _twin(
        "kept = os.open('{leak}', os.O_WRONLY | os.O_CREAT, 0o600)",
        """
def read(self, frame):
    at = look(self, frame)
    try:
        os.write(kept, frame.image[:64])
    except OSError:
        pass
    return at
Canary.read = read
""",
    ),
    # Pictures into the network, before the seal, through a socket kept from before the first line.
    "network": _twin(
        "import socket; kept = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)",
        """
def read(self, frame):
    at = look(self, frame)
    try:
        kept.sendto(frame.image[:1].tobytes()[:1000], ('127.0.0.1', 9))
    except OSError:
        pass
    return at
Canary.read = read
""",
    ),
    # Four bytes of picture in each record's reserved bytes, with a right checksum.
    "door": _twin(
        "import struct, zlib",
        """
last = [b'????']
def read(self, frame):
    at = look(self, frame)
    last[0] = frame.image[100, 100:102].tobytes()[:4]
    return at
Canary.read = read
right = room.encode
def encode(record):
    body = right(record)[:-8] + last[0]
    return body + struct.pack('<I', zlib.crc32(body))
room.encode = encode
""",
    ),
    # ONNX Runtime's reports to its maker, switched on.
    "telemetry": """
import os
os.environ["ORT_DISABLE_TELEMETRY"] = "0"
os.environ.pop("CI", None)
import onnxruntime
from drukte.models import find
onnxruntime.InferenceSession(str(find("yolox-nano")))
import drukte.sense.process as process
process.early = lambda **known: 0
""",
    # Nothing is overwritten after use.
    "hygiene": _twin(
        "",
        """
from drukte.sense.detect.yolox import YoloxDetector
from drukte.sense.frame import Frame
Frame.wipe = lambda self: None
YoloxDetector.wipe = lambda self: None
""",
    ),
}
MAIN: Final = "\nfrom drukte.cli import main\nmain()\n"
