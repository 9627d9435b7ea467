"""Which of the mesh's requests are written down."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from meshui.mesh.tracing import Percent

Mode = Literal["off", "errors", "all"]


class AccessLog(Struct, frozen=True, kw_only=True):
    """``errors`` is every request that failed, ``all`` also ``percent`` of the others; in the other modes that is 0.
    With ``collected`` the control plane gets the records too."""

    mode: Mode = "off"
    percent: Percent = 0.0
    collected: bool = True
