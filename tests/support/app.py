"""A small real HTTP server in this process, whose answer a test may change as it runs."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class App:
    """``status`` is answered to every GET; ``requests`` are the paths and hosts asked for."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.status = 200
        self.location = ""
        self.requests: list[tuple[str, str]] = []


@contextmanager
def running_app() -> Iterator[App]:
    """The app at 127.0.0.1."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            app.requests.append((self.path, self.headers["Host"]))
            self.send_response(app.status)
            if app.location:
                self.send_header("Location", app.location)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    app = App(server.server_address[1])
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield app
    finally:
        server.shutdown()
        server.server_close()
