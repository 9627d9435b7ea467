"""Requests and peers as the decisions of a proxy see them."""

from __future__ import annotations

from proxies.core.head import RequestHead, read_request


def request(target: str = "/", *lines: str, method: str = "GET") -> RequestHead:
    return read_request("\r\n".join([f"{method} {target} HTTP/1.1", "host: a", *lines]).encode())


class Stranger:
    secured = False

    def __init__(self, name: bytes = b"10.0.0.1") -> None:
        self.name = name

    def who(self) -> bytes:
        return self.name
