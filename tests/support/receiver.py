"""An HTTP server that answers as a test wants and keeps what it was sent."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Receiver(BaseHTTPRequestHandler):
    """``seen`` are (path, headers, body). A test gives other class attributes."""

    seen: list[tuple[str, dict[str, str], bytes]] = []
    status = 200
    answer = b"fine"
    location = ""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        type(self).seen.append((self.path, dict(self.headers), body))
        self.send_response(self.status)
        if self.location:
            self.send_header("Location", self.location)
        self.end_headers()
        with suppress(OSError):
            self.wfile.write(self.answer)

    def do_GET(self) -> None:
        type(self).seen.append((self.path, dict(self.headers), b""))
        self.send_response(self.status)
        if self.location:
            self.send_header("Location", self.location)
        self.end_headers()
        with suppress(OSError):
            self.wfile.write(self.answer)

    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def receiver(**attributes: object) -> Iterator[tuple[str, type[Receiver]]]:
    """Its URL without a slash at the end, and the class whose attributes it answers by."""
    kind = type("Own", (Receiver,), {"seen": [], **attributes})
    server = ThreadingHTTPServer(("127.0.0.1", 0), kind)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", kind
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
