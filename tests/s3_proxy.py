"""A proxy before an S3 server that misbehaves the way networks and look-alikes do. Real HTTP, both sides."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit


class S3Proxy(ThreadingHTTPServer):
    """Forwards every request; may forget headers, lose responses or answer by itself, and notes the byte ranges."""

    daemon_threads = True

    def __init__(self, upstream: str) -> None:
        super().__init__(("127.0.0.1", 0), _Forward)
        self.upstream = urlsplit(upstream).netloc
        self.forgets: Callable[[str, str], bool] = lambda path, header: False
        """Whether a request header (in lower case) of a path is dropped before forwarding."""
        self.responses_to_lose = 0
        """How many responses to conditional writes are still to be lost after forwarding the request."""
        self.bodies_to_cut = 0
        """How many bodies of reads are still to end in their middle."""
        self.answers_conditions_with: tuple[int, str] | None = None
        """Status and code with which conditional writes are answered instead of being forwarded."""
        self.redirects: Callable[[str], str] = lambda path: ""
        """Where a path is said to have moved; nowhere if empty."""
        self.asked: list[str] = []
        """Every path that was asked for."""
        self.ranges: list[tuple[int, int]] = []
        """First and last byte of every ranged read, as asked for."""

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


@contextmanager
def proxy_before(upstream: str) -> Iterator[S3Proxy]:
    with S3Proxy(upstream) as proxy:
        thread = threading.Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield proxy
        finally:
            proxy.shutdown()
            thread.join()


class _Forward(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: S3Proxy

    def _forward(self) -> None:
        proxy = self.server
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        is_conditional = bool(self.headers.get("If-Match") or self.headers.get("If-None-Match"))
        if span := self.headers.get("Range"):
            first, last = span.removeprefix("bytes=").split("-")
            # The last bytes of an object are asked for before its size is known.
            proxy.ranges.append((int(first) if first else -int(last), int(last)))
        proxy.asked.append(self.path)
        if moved := proxy.redirects(self.path):
            self._answer(int(moved[:3]), {"Location": moved[4:]}, b"<Error><Code>PermanentRedirect</Code></Error>")
            return
        if is_conditional and proxy.answers_conditions_with:
            status, code = proxy.answers_conditions_with
            self._answer(status, {}, f"<Error><Code>{code}</Code></Error>".encode())
            return
        headers = {name: value for name, value in self.headers.items() if not proxy.forgets(self.path, name.lower())}
        upstream = http.client.HTTPConnection(proxy.upstream)
        try:
            upstream.request(self.command, self.path, body or None, headers)
            response = upstream.getresponse()
            answer = response.read()
        finally:
            upstream.close()
        if is_conditional and proxy.responses_to_lose:
            proxy.responses_to_lose -= 1
            self.close_connection = True
            return
        self._answer(response.status, dict(response.getheaders()), answer)

    def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            if name.lower() not in ("connection", "transfer-encoding", "content-length", "server", "date"):
                self.send_header(name, value)
        # A HEAD tells the length of a body it does not send.
        length = headers.get("Content-Length", str(len(body))) if self.command == "HEAD" else str(len(body))
        self.send_header("Content-Length", length)
        self.end_headers()
        if self.command == "GET" and self.server.bodies_to_cut:
            self.server.bodies_to_cut -= 1
            self.close_connection = True
            body = body[: len(body) // 2]
        self.wfile.write(body)

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = _forward

    def log_message(self, format: str, *args: object) -> None:
        """Keep the test report quiet."""
