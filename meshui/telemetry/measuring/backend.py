"""The one interface of those who answer series. Pure."""

from __future__ import annotations

from typing import Protocol

from meshui.telemetry.measuring.asked import Asked
from meshui.telemetry.series import Grid, Measured


class Backend(Protocol):
    """Both answer the same within what ``docs/guide/observability.md`` says of each."""

    def measure(self, asked: Asked, grid: Grid) -> Measured:
        """Raises MeshError where it cannot."""
        ...
