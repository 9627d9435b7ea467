"""What a translation gives: values of the mesh, and what could not be carried over."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from meshui.mesh.values import Resilience, Route, Split

Format = Literal["istio", "gateway-api", "smi"]
Severity = Literal["lost", "changed", "info"]


class Note(Struct, frozen=True, kw_only=True):
    """``lost`` has no equivalent and is left out, ``changed`` behaves a little differently, ``info`` is good to know.

    ``document`` counts from 0; on the way out it is 0 and ``path`` names a field of the mesh's own rules.
    """

    severity: Severity
    document: int
    path: str
    detail: str


class Imported(Struct, kw_only=True):
    """What the documents say of one service; None where they say nothing. ``versions`` are those they name."""

    service: str
    routes: list[Route] | None = None
    split: Split | None = None
    resilience: Resilience | None = None
    versions: list[str] = []


class Exported(Struct, frozen=True, kw_only=True):
    """One or more YAML documents, and what they cannot say."""

    text: str
    notes: list[Note]
