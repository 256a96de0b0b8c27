"""Serve the page on this machine's loopback alone, behind a token, for a limited time."""

import hmac
import json
import secrets
import threading
import time
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from drukte_tools.calibrate.page.editing import Editor
from drukte_tools.calibrate.page.zoning import BadRequest

HOST: Final = "127.0.0.1"
PORT: Final = 8571
MINUTES: Final = 30.0
MOST_BYTES: Final = 512 * 1024
HOSTS: Final = frozenset({"127.0.0.1", "localhost"})
PAGES: Final = {
    "": ("page.html", "text/html"),
    **{name: (name, "text/javascript") for name in ("page.js", "panel.js", "paint.js", "stage.js", "words.js")},
    "page.css": ("page.css", "text/css"),
    "icon.svg": ("icon.svg", "image/svg+xml"),
}
POLICY: Final = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


class PageServer:
    """The page of one `Editor`. The picture is wiped when it ends."""

    def __init__(
        self, editor: Editor, picture: NDArray[np.uint8] | None, port: int = PORT, minutes: float = MINUTES
    ) -> None:
        """Open the port (0: any free one).

        Args:
            editor: what answers the page.
            picture: the plate, encoded as PNG; None: the page shows only the grid. It is overwritten by `close`.
            port: on loopback.
            minutes: after which the page ends, whatever happens.

        Raises:
            OSError: the port is taken.
        """
        self.token = secrets.token_urlsafe(24)
        self._editor, self._picture = editor, picture
        self._lock = threading.Lock()
        self._ends = time.monotonic() + minutes * 60
        self.done = threading.Event()
        self._server = ThreadingHTTPServer((HOST, port), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.2}, daemon=True)

    @property
    def port(self) -> int:
        """The port in use."""
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        """Where the page is, token included."""
        return f"http://localhost:{self.port}/{self.token}/"

    def serve(self) -> None:
        """Answer until the technician is done or the time is up; then wipe."""
        self.start()
        try:
            self.done.wait(max(0.0, self._ends - time.monotonic()))
        finally:
            self.close()

    def start(self) -> None:
        """Answer in the background."""
        self._thread.start()

    def close(self) -> None:
        """Stop and wipe the picture."""
        if self._thread.is_alive():
            self._server.shutdown()
        self._server.server_close()
        with self._lock:
            if self._picture is not None:
                self._picture.fill(0)
                self._picture = None

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, str, bytes]:
        """Status, content type and content for one request."""
        token, _, name = path.partition("?")[0].lstrip("/").partition("/")
        if not hmac.compare_digest(token.encode(), self.token.encode()):
            return HTTPStatus.NOT_FOUND, "text/plain", b"Use the whole address that `drukte calibrate page` printed.\n"
        if time.monotonic() > self._ends:
            return HTTPStatus.GONE, "text/plain", b"The time is up. Start `drukte calibrate page` again.\n"
        if method == "GET" and name in PAGES:
            file, kind = PAGES[name]
            return HTTPStatus.OK, kind, files(__package__).joinpath(file).read_bytes()
        if method == "GET" and name == "plate":
            with self._lock:
                if self._picture is None:
                    return HTTPStatus.NOT_FOUND, "text/plain", b""
                return HTTPStatus.OK, "image/png", self._picture.tobytes()
        if method == "GET" and name == "state":
            left = round(self._ends - time.monotonic())
            return _json({**self._editor.state(), "plate": self._picture is not None, "seconds_left": left})
        if method == "POST" and name in ("check", "save", "close"):
            return self._act(name, body)
        return HTTPStatus.NOT_FOUND, "text/plain", b""

    def _act(self, name: str, body: bytes) -> tuple[int, str, bytes]:
        if name == "close":
            self.done.set()
            return _json({"closed": True})
        try:
            asked = json.loads(body)
            if not isinstance(asked, dict):
                raise BadRequest("an object is needed")
            with self._lock:
                return _json(self._editor.check(asked) if name == "check" else self._editor.save(asked))
        except (BadRequest, ValueError, RecursionError) as error:
            return HTTPStatus.BAD_REQUEST, "text/plain", str(error).encode()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        page = self

        class Handler(BaseHTTPRequestHandler):
            server_version, sys_version = "drukte", ""
            timeout = 20

            def do_GET(self) -> None:
                self._reply(*page.answer("GET", self.path, b""))

            def do_POST(self) -> None:
                try:
                    length = int(self.headers.get("Content-Length", ""))
                except ValueError:
                    length = -1
                # A page of another site can send plain text to loopback, but not JSON without being asked first.
                if self.headers.get_content_type() != "application/json" or not 0 <= length <= MOST_BYTES:
                    self._reply(HTTPStatus.BAD_REQUEST, "text/plain", b"JSON of a known length is needed")
                    return
                self._reply(*page.answer("POST", self.path, self.rfile.read(length)))

            def _reply(self, status: int, kind: str, content: bytes) -> None:
                # A name that some other site lets point at loopback is not ours (DNS rebinding).
                host = (self.headers.get("Host") or "").rsplit(":", 1)[0]
                if host not in HOSTS:
                    status, kind, content = HTTPStatus.FORBIDDEN, "text/plain", b"Use localhost.\n"
                self.send_response(status)
                charset = "" if kind.startswith("image") else "; charset=utf-8"
                for key, value in (
                    ("Content-Type", kind + charset),
                    ("Content-Length", str(len(content))),
                    ("Cache-Control", "no-store"),
                    ("Content-Security-Policy", POLICY),
                    ("X-Content-Type-Options", "nosniff"),
                    ("Referrer-Policy", "no-referrer"),
                    ("Cross-Origin-Resource-Policy", "same-origin"),
                ):
                    self.send_header(key, value)
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: Any) -> None:
                """Say nothing: the address holds the token."""

        return Handler


def _json(value: dict[str, Any]) -> tuple[int, str, bytes]:
    return HTTPStatus.OK, "application/json", json.dumps(value, allow_nan=False).encode()
