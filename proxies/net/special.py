"""What a lane does beyond forwarding: rewrites, header operations, delays, copies. Most lanes have nothing of it, and
their requests never come here."""

from __future__ import annotations

from collections.abc import Callable
from random import random
from typing import TYPE_CHECKING

from proxies.core.actions import compile_delay, compile_mirrored
from proxies.core.edits import Edit, compile_ops
from proxies.core.head import RequestHead
from proxies.core.rewrite import compile_rewrite
from proxies.wire.routing import Route, WeightedVersion

if TYPE_CHECKING:
    from proxies.net.mirror import Copy, Mirror


class Special:
    """``edit_response`` is None where responses go on as they came."""

    __slots__ = ("_delay", "_edit_request", "_is_copied", "_mirror", "_rewrite", "edit_response")

    def __init__(self) -> None:
        self.edit_response: Edit | None = None
        self._rewrite: Callable[[RequestHead], None] | None = None
        self._edit_request: Edit | None = None
        self._delay: Callable[[RequestHead], float] | None = None
        self._is_copied: Callable[[RequestHead], bool] | None = None
        self._mirror: Mirror | None = None

    @classmethod
    def compile(cls, route: Route, weighted: WeightedVersion, mirror: Mirror | None) -> Special | None:
        """What the route does with requests to this version, or None for nothing special."""
        special = cls()
        if route.rewrite is not None:
            special._rewrite = compile_rewrite(route.rewrite, route.match)
        special._edit_request = compile_ops(route.request_headers, weighted.request_headers)
        special.edit_response = compile_ops(route.response_headers, weighted.response_headers)
        special._delay = compile_delay(route, random)
        if mirror is not None:
            special._is_copied = compile_mirrored(route, random)
            special._mirror = mirror
        return None if special._nothing() else special

    def _nothing(self) -> bool:
        parts = (self._rewrite, self._edit_request, self.edit_response, self._delay, self._mirror)
        return all(part is None for part in parts)

    def adding(self, line: bytes) -> Special:
        """The same, and this field line in each response."""
        other = Special()
        other._rewrite = self._rewrite
        other._edit_request = self._edit_request
        other._delay = self._delay
        other._is_copied = self._is_copied
        other._mirror = self._mirror
        edit = self.edit_response

        def add(lines: list[bytes]) -> None:
            if edit is not None:
                edit(lines)
            lines.append(line)

        other.edit_response = add
        return other

    def prepare(self, head: RequestHead) -> None:
        """Change what is forwarded. The head still says what was asked."""
        if self._rewrite is not None:
            self._rewrite(head)
        if self._edit_request is not None:
            self._edit_request(head.lines)

    def delay_s(self, head: RequestHead) -> float:
        """How long to hold the request back."""
        return self._delay(head) if self._delay is not None else 0.0

    def copied(self, head: RequestHead) -> Copy | None:
        """A copy of the request, as it is forwarded, to be filled with its body; None for most."""
        if self._mirror is None or self._is_copied is None or not self._is_copied(head):
            return None
        return self._mirror.copy(head)
