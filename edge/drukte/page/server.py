"""Serves the page and the metrics, read-only: on loopback, or on a network behind a password."""

import base64
import hmac
import ipaddress
import time
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from drukte.page.facts import Facts, Reader
from drukte.page.metrics import metrics
from drukte.page.view import View
from drukte.page.words import LANGUAGES

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
FILES: Final = {"/page.css": "text/css", "/page.js": "text/javascript"}
KEPT: Final = 2.0
"""Everybody who asks within this time gets the same facts, s: nobody can keep the disk busy."""
SLOW: Final = 10.0
"""Seconds after which a connection that says nothing is dropped."""
LOCAL: Final = frozenset({"localhost", "127.0.0.1", "[::1]"})


class NotAllowedError(Exception):
    """Settings under which the page is not served: says what to do."""


def check(host: str, password: str | None) -> None:
    """Refuse to listen on a network without a password.

    Raises:
        NotAllowedError: the address is no loopback address, and there is no password.
    """
    try:
        alone = ipaddress.ip_address(host).is_loopback
    except ValueError:
        alone = host == "localhost"
    if not alone and password is None:
        raise NotAllowedError(
            f"{host} can be reached from the network: give --password-file too, or leave --listen out to serve this "
            "machine alone"
        )


def make(
    reader: Reader,
    view: View,
    host: str,
    port: int,
    password: str | None = None,
    now: Callable[[], float] = time.time,
) -> ThreadingHTTPServer:
    """The server, listening; call `serve_forever`.

    Args:
        reader: where the facts come from.
        view: how they look.
        host, port: address to listen on; port 0 is any free one.
        password: asked of everybody, under any user name; None asks nothing.
        now: wall clock, s since 1970.

    Raises:
        NotAllowedError: see `check`.
        OSError: the port is taken or the address is not this machine's.
    """
    check(host, password)
    kept: list[Facts] = []

    def facts() -> Facts:
        if not kept or not 0 <= now() - kept[0].at < KEPT:
            kept[:] = [reader.facts(now())]
        return kept[0]

    class Handler(BaseHTTPRequestHandler):
        server_version = "drukte"
        sys_version = ""
        timeout = SLOW

        def do_GET(self) -> None:
            if not self._known_host():
                self._answer(HTTPStatus.MISDIRECTED_REQUEST, "text/plain", b"")
            elif password is not None and not _knows(self.headers.get("Authorization", ""), password):
                self._answer(HTTPStatus.UNAUTHORIZED, "text/plain", b"", ("WWW-Authenticate", 'Basic realm="drukte"'))
            else:
                self._serve(urlsplit(self.path))

        do_HEAD = do_GET  # noqa: N815 - the name is the library's

        def _known_host(self) -> bool:
            """On loopback only loopback's names: a page from elsewhere cannot read this one under its own name."""
            name = self.headers.get("Host", "").rsplit(":", 1)[0] if password is None else "localhost"
            return name in LOCAL

        def _serve(self, asked: Any) -> None:
            if asked.path == "/":
                given = parse_qs(asked.query).get("lang", [""])[0]
                text = view.page(facts(), given if given in LANGUAGES else _language(self.headers))
                self._answer(HTTPStatus.OK, "text/html; charset=utf-8", text.encode())
            elif asked.path == "/metrics":
                self._answer(HTTPStatus.OK, "text/plain; version=0.0.4; charset=utf-8", metrics(facts()))
            elif kind := FILES.get(asked.path):
                content = files("drukte.page").joinpath(asked.path[1:]).read_bytes()
                self._answer(HTTPStatus.OK, f"{kind}; charset=utf-8", content)
            else:
                self._answer(HTTPStatus.NOT_FOUND, "text/plain", b"")

        def _answer(self, status: HTTPStatus, kind: str, body: bytes, *more: tuple[str, str]) -> None:
            self.send_response(status)
            for name, value in (
                ("Content-Type", kind),
                ("Content-Length", str(len(body))),
                ("Content-Security-Policy", POLICY),
                ("X-Content-Type-Options", "nosniff"),
                ("Referrer-Policy", "no-referrer"),
                ("Cache-Control", "no-store"),
                *more,
            ):
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Who reads the page is nobody's business."""

    server = ThreadingHTTPServer((host, port), Handler)
    server.daemon_threads = True
    return server


def _knows(header: str, password: str) -> bool:
    try:
        given = base64.b64decode(header.removeprefix("Basic "), validate=True).decode().split(":", 1)[1]
    except (ValueError, IndexError):
        return False
    return hmac.compare_digest(given.encode(), password.encode())


def _language(headers: Any) -> str:
    """The first language that the browser asks for and the page speaks."""
    for part in str(headers.get("Accept-Language", "")).split(","):
        if (code := part.strip()[:2].lower()) in LANGUAGES:
            return code
    return LANGUAGES[0]
