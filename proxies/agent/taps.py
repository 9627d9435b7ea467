"""Orders of the control plane to copy requests, as they come over Redis."""

from __future__ import annotations

import logging
from collections.abc import Callable

import msgspec
from msgspec import Struct

from proxies.agent.engine import Tapped
from proxies.wire.taps import read_order

log = logging.getLogger(__name__)


class _Named(Struct):
    """What can be read of any order."""

    id: str = ""


_named = msgspec.msgpack.Decoder(_Named)


def taker(engine: Tapped) -> Callable[[bytes], None]:
    """What takes the orders for an engine. One that is not understood is refused whole: a filter that is left out
    would copy what nobody asked for."""

    def take(data: bytes) -> None:
        try:
            engine.tap(read_order(data))
        except msgspec.DecodeError as error:
            log.warning("an order for a tap was refused: %s", error)
            engine.refuse_tap(_id(data), str(error))

    return take


def _id(data: bytes) -> str:
    try:
        return _named.decode(data).id[:64]
    except msgspec.DecodeError:
        return ""
