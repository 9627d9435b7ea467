"""What access policies say of a request, asked by who simulates one. Who knows the policies says at its start how."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from meshui.mesh.policies import Policy
from proxies.core.head import RequestHead


@dataclass(frozen=True, slots=True)
class Arrival:
    """A request as it reaches a service or gateway. ``source`` is empty for who has no identity of the mesh."""

    service: str
    source: str
    address: str
    head: RequestHead


@dataclass(frozen=True, slots=True)
class DraftPolicy:
    """A policy that would stand in place of the one of its name. ``target`` is ``shop/catalog``, ``shop/*``, ``*``."""

    policy: Policy
    target: str


@dataclass(frozen=True, slots=True)
class Judged:
    """``policy`` and the index of its ``rule`` are what decided; ``policy`` is empty where the default did, or several
    allow policies did not match. ``shadow`` names the policy in shadow mode that would have turned the answer round.
    ``token`` is why the request is answered 401, empty where it is not. ``checks`` are the policies whose external
    checks must let it pass first: they are not asked here."""

    service: str
    allowed: bool
    policy: str
    rule: int | None
    shadow: str
    token: str = ""
    checks: Sequence[str] = ()


Judge = Callable[[Arrival, DraftPolicy | None], Judged]
_judges: list[Judge] = []


def judged_by(judge: Judge) -> None:
    """Have ``judge`` answer. Called once, when Django starts."""
    _judges[:] = [judge]


def judged(arrival: Arrival, draft: DraftPolicy | None = None) -> Judged:
    """What proxies would decide. Raises InvalidInput for a draft that cannot be."""
    (judge,) = _judges
    return judge(arrival, draft)
