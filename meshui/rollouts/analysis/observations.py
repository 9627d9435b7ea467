"""What a reader may bring back when a metric is due: counts, a value, nothing, or that the source is down.

Pure. Whatever goes wrong in a foreign system has become ``NoData`` or ``Unavailable`` before it gets here; neither can
pass a rollout or roll it back.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from meshui.rollouts.analysis.evidence import AnalysisError, Counts


@dataclass(frozen=True, slots=True)
class Value:
    """One finite number. Raises AnalysisError for NaN and infinity: see ``reading``."""

    value: float

    def __post_init__(self) -> None:
        if not math.isfinite(self.value):
            raise AnalysisError("value", "value", f"{self.value} is no measurement")


@dataclass(frozen=True, slots=True)
class NoData:
    """The source answered and had nothing to say, or what it said cannot be."""

    reason: str


@dataclass(frozen=True, slots=True)
class Unavailable:
    """The source could not be asked. ``code`` is stable (``down``, ``timeout``, ``refused``, ``malformed``)."""

    code: str
    detail: str


Observation = Counts | Value | NoData | Unavailable


def reading(value: float) -> Value | NoData:
    """A number as a source gave it: NaN and infinity (0/0 and x/0 in PromQL) are no data."""
    return Value(value) if math.isfinite(value) else NoData(f"the value is {value}")
