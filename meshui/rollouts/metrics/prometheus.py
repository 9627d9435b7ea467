"""Custom metrics: one number out of one PromQL query, asked over prometheus-api-client.

Owns what a query's placeholders become, and what each thing that can go wrong means; ``core.prometheus`` is the way
there and back. Whatever happens, ``measure`` answers with one of the observations that ``analysis`` knows and raises
nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from meshui.core import prometheus
from meshui.mesh.names import LABEL, VERSION, ServiceName
from meshui.rollouts.analysis.evidence import AnalysisError
from meshui.rollouts.analysis.observations import NoData, Observation, Unavailable, reading

TIMEOUT_S = 5.0
"""For connecting, for the head of an answer, and from the question to the end of the answer."""
MAX_QUERY = 4_000

_PLACEHOLDER = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")


@dataclass(frozen=True, slots=True)
class Subject:
    """What a query is about. Raises AnalysisError for names that are none of the mesh: they go into the query as they
    are, and none that is allowed can end a string of PromQL or mean anything in one."""

    service: ServiceName
    canary: str
    stable: str
    window_s: int = 60

    def __post_init__(self) -> None:
        for label in (self.service.namespace, self.service.name):
            if not LABEL.fullmatch(label):
                raise AnalysisError("name", "service", f"{label!r} is no name")
        for version in (self.canary, self.stable):
            if not VERSION.fullmatch(version):
                raise AnalysisError("name", "canary", f"{version!r} is no version")
        if self.window_s < 1:
            raise AnalysisError("range", "window", "expected at least one second")

    @property
    def placeholders(self) -> dict[str, str]:
        return {
            "namespace": self.service.namespace,
            "service": self.service.name,
            "canary": self.canary,
            "stable": self.stable,
            "window": f"{self.window_s}s",
        }


_EXAMPLE = Subject(ServiceName("n", "s"), "v2", "v1")


def check_query(query: str, path: str = "query") -> None:
    """Raise AnalysisError for a query that is empty, too long, or has a placeholder that does not exist."""
    if not query.strip() or len(query) > MAX_QUERY:
        raise AnalysisError("query", path, f"a query has 1 to {MAX_QUERY} characters")
    render(query, _EXAMPLE, path)


def render(query: str, subject: Subject, path: str = "query") -> str:
    """The query with ``{{service}}``, ``{{namespace}}``, ``{{canary}}``, ``{{stable}}`` and ``{{window}}`` (such as
    ``60s``) filled in. Raises AnalysisError for any other."""
    known = subject.placeholders

    def value(found: re.Match[str]) -> str:
        if found[1] not in known:
            raise AnalysisError("placeholder", path, f"{found[0]} is none of {', '.join(known)}")
        return known[found[1]]

    return _PLACEHOLDER.sub(value, query)


def measure(query: str, subject: Subject, *, timeout_s: float = TIMEOUT_S) -> Observation:
    """The value of a query now: ``Value``; ``NoData`` for NaN, infinity and an empty result; ``Unavailable`` with the
    code ``not_configured``, ``down``, ``timeout``, ``refused`` (any status but 200), ``malformed`` or ``query``."""
    url = settings.MESHUI.prometheus_url
    if not url:
        return Unavailable("not_configured", "MESHUI_PROMETHEUS_URL is not set")
    try:
        rendered = render(query, subject)
    except AnalysisError as error:
        return Unavailable("query", str(error))
    try:
        return prometheus.ask(url, rendered, timeout_s, _single)
    except prometheus.Failure as failure:
        return Unavailable(failure.code, str(failure))


def _single(result: Any) -> Observation:
    """The one number of an instant vector with one series, or of a scalar ``[time, "number"]``."""
    if not isinstance(result, list):
        raise ValueError("the result is no list")
    if not result:
        return NoData("the query gave no series")
    if isinstance(result[0], dict):
        if len(result) > 1:
            return Unavailable("query", f"the query gave {len(result)} series, expected one: add sum() or the like")
        if "value" not in result[0]:
            return Unavailable("query", "the query gave a range, expected one value")
        result = result[0]["value"]
    _, number = result
    return reading(float(number))
