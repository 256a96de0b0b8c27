"""`drukte validate count` and `settle`: a page on this computer, for it alone, on which a person marks people.

Pictures are decrypted into memory and go to the browser with a header that forbids keeping them. The page is reached
only by a secret in its address, loads nothing from elsewhere and never shows what the device or another counter found.
"""

import json
import secrets
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from pathlib import Path
from threading import Lock
from typing import Any, Final

from drukte_tools.validate.judging.opened import Opened, SampleError
from drukte_tools.validate.judging.settled import Dispute

MAX_BODY: Final = 1024 * 1024
MOST_PIXELS: Final = 100_000
POLICY: Final = (
    "default-src 'none'; img-src 'self' data:; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
PARTS: Final = {
    "": ("page.html", "text/html"),
    "page.js": ("page.js", "text/javascript"),
    "page.css": ("page.css", "text/css"),
}


class Counting(ThreadingHTTPServer):
    """The page's server, on the loopback address.

    Args:
        samples: opened pictures.
        counter: name of who counts.
        out: file of marks; what it holds already is taken up again.
        disputes: for a third look: only these pictures, with what two counters agree on and what not.

    Raises:
        SampleError: `out` belongs to another order or another counter.
    """

    daemon_threads = True

    def __init__(
        self, samples: list[Opened], counter: str, out: Path, disputes: Sequence[Dispute] | None = None
    ) -> None:
        self.samples = {o.header.index: o for o in samples}
        self.disputes = None if disputes is None else {d.index: d for d in disputes}
        self.out = out
        order = samples[0].header.order
        self.marks: dict[str, Any] = {"order": order, "counter": counter, "marks": {}}
        if out.exists():
            before = read_marks(out, order)
            if before["counter"] != counter:
                raise SampleError(f"{out}: is the count of {before['counter']}; give another --out or the same --name")
            self.marks["marks"] = before["marks"]
        self.writing = Lock()
        self.secret = secrets.token_urlsafe(24)
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def address(self) -> str:
        """Where the page is."""
        return f"http://127.0.0.1:{self.server_address[1]}/{self.secret}/"

    def task(self) -> dict[str, Any]:
        """What the page needs: pictures and zone, nothing that the device found."""
        first = next(iter(self.samples.values())).header
        return {
            "mode": "count" if self.disputes is None else "settle",
            "mark": "echoes" if first.kind == "echoes" else first.mark,
            "pictures": [self._shown(o) for _, o in sorted(self.samples.items())],
            **self.marks,
        }

    def _shown(self, o: Opened) -> dict[str, Any]:
        shown: dict[str, Any] = {"index": o.header.index, "size": o.size, "outline": o.outline}
        if self.disputes is not None:
            dispute = self.disputes[o.header.index]
            shown |= {"agreed": dispute.agreed.round(1).tolist(), "open": dispute.open.round(1).tolist()}
        return shown

    def keep(self, data: Any) -> None:
        """Take over the marks of one picture and write all to the file.

        Raises:
            ValueError: they are not marks of a picture of this sample.
        """
        index, people, unsure = int(data["index"]), data["people"], bool(data["unsure"])
        width, height = self.samples[index].size
        points = [(round(float(x), 1), round(float(y), 1)) for x, y in people]
        if not all(0 <= x <= width and 0 <= y <= height for x, y in points):
            raise ValueError("a mark outside of the picture")
        with self.writing:
            self.marks["marks"][str(index)] = {"people": points, "unsure": unsure}
            part = self.out.with_name(self.out.name + ".part")
            part.write_text(json.dumps(self.marks, indent=1) + "\n", encoding="utf-8")
            part.replace(self.out)


class Handler(BaseHTTPRequestHandler):
    """Answers the page."""

    server: Counting

    def do_GET(self) -> None:
        """The page, its parts, its task and its pictures."""
        path = self._inside()
        if path in PARTS:
            name, kind = PARTS[path]
            self._send(200, kind, (files("drukte_tools.validate") / "page" / name).read_bytes())
        elif path == "task":
            self._send(200, "application/json", json.dumps(self.server.task()).encode())
        elif path and path.isdecimal() and int(path) in self.server.samples:
            self._send(200, *self.server.samples[int(path)].shown())
        else:
            self._send(404, "text/plain", b"not here")

    def do_POST(self) -> None:
        """Marks of one picture."""
        length = self.headers.get("Content-Length", "")
        if self._inside() != "marks" or not length.isdecimal() or int(length) > MAX_BODY:
            self._send(404, "text/plain", b"not here")
            return
        try:
            self.server.keep(json.loads(self.rfile.read(int(length))))
        except (ValueError, KeyError, TypeError):
            self._send(400, "text/plain", b"not marks of a picture of this sample")
        else:
            self._send(200, "text/plain", b"kept")

    def _inside(self) -> str | None:
        """The path behind the secret; None without it, or when another site's page asks."""
        host = self.headers.get("Host", "")
        first, _, rest = self.path.lstrip("/").partition("/")
        right = secrets.compare_digest(first.encode(), self.server.secret.encode())
        return rest if right and host == f"127.0.0.1:{self.server.server_address[1]}" else None

    def _send(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        for name, value in (
            ("Content-Type", kind),
            ("Content-Length", str(len(body))),
            ("Cache-Control", "no-store"),
            ("Content-Security-Policy", POLICY),
            ("X-Content-Type-Options", "nosniff"),
            ("Referrer-Policy", "no-referrer"),
        ):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: the address holds the secret."""


def read_marks(path: Path, order: str) -> dict[str, Any]:
    """A counter's file.

    Raises:
        SampleError: it cannot be read, holds something else than marks, or belongs to another order.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        found: dict[str, Any] = {
            "order": str(data["order"]),
            "counter": str(data["counter"]),
            "marks": {str(int(i)): _mark(m) for i, m in data["marks"].items()},
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise SampleError(f"{path}: is not a file of `drukte validate count`") from None
    if found["order"] != order:
        raise SampleError(f"{path}: counts of order {found['order']}, but these pictures are of order {order}")
    return found


def _mark(data: Any) -> dict[str, Any]:
    """The checked marks of one picture. Raises ValueError or TypeError."""
    people = [[float(x), float(y)] for x, y in data["people"]]
    if not all(0 <= v < MOST_PIXELS for point in people for v in point):
        raise ValueError("a mark outside of any picture")
    return {"people": people, "unsure": bool(data["unsure"])}
