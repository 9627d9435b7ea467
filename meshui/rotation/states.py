"""The states of a rotation, as data: in each, which root signs, which ones proxies trust, what it waits for and where
it goes from there.

The order is what keeps every handshake good. A root is trusted everywhere before anything is signed under it, and
nothing that is in use is under a root when trust in that ends: so any two proxies accept each other at any moment,
whichever of them has heard of the last step. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

State = Literal["publishing", "reissuing", "retiring", "removing", "done", "withdrawing", "dropping", "aborted"]
Side = Literal["old", "new"]
Gate = Literal["bundle", "certificates", "leaves"]
"""``bundle``: every proxy took the trusted roots as they are now. ``certificates``: every proxy says that it holds a
certificate under the root that signs. ``leaves``: besides, nothing under the other root is or may still be in use."""

BOTH: tuple[Side, ...] = ("old", "new")


@dataclass(frozen=True, slots=True)
class Step:
    """``then`` of None is the end. ``abortable`` steps can be withdrawn."""

    signs: Side
    trusts: tuple[Side, ...]
    gate: Gate | None
    then: State | None
    abortable: bool = False


STEPS: Mapping[State, Step] = {
    #                   signs  trusts     waits for       then
    "publishing": Step("old", BOTH, "bundle", "reissuing", abortable=True),
    "reissuing": Step("new", BOTH, "certificates", "retiring", abortable=True),
    "retiring": Step("new", BOTH, "leaves", "removing", abortable=True),
    "removing": Step("new", ("new",), "bundle", "done"),
    "done": Step("new", ("new",), None, None),
    "withdrawing": Step("old", BOTH, "leaves", "dropping"),
    "dropping": Step("old", ("old",), "bundle", "aborted"),
    "aborted": Step("old", ("old",), None, None),
}
FORWARD: tuple[State, ...] = ("publishing", "reissuing", "retiring", "removing", "done")
BACK: tuple[State, ...] = ("withdrawing", "dropping", "aborted")
OVER: tuple[State, ...] = ("done", "aborted")
