"""Custom metrics: one number out of one PromQL query, asked over prometheus-api-client.

Owns the way to Prometheus and back: what a query's placeholders become, and what each thing that can go wrong there
means. Whatever happens, ``measure`` answers with one of the observations that ``analysis`` knows and raises nothing.

The server's address is the operator's alone (MESHUI_PROMETHEUS_URL); no body or template names one, and redirects are
refused, so a user's query reaches no other machine.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import requests
from django.conf import settings
from prometheus_api_client.exceptions import PrometheusApiClientException
from prometheus_api_client.prometheus_connect import PrometheusConnect
from urllib3.exceptions import HTTPError
from urllib3.exceptions import TimeoutError as ReadTimeout
from urllib3.util.retry import Retry

from meshui.mesh.names import LABEL, VERSION, ServiceName
from meshui.rollouts.analysis.evidence import AnalysisError
from meshui.rollouts.analysis.observations import NoData, Observation, Unavailable, reading

TIMEOUT_S = 5.0
"""For connecting, for the head of an answer, and from the question to the end of the answer."""
MAX_BYTES = 1 << 20
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
    return _ask(_connection(url, timeout_s), rendered, timeout_s)


def _ask(connection: PrometheusConnect, query: str, timeout_s: float) -> Observation:
    """Every foreign error crosses here, once."""
    evaluation = {"timeout": f"{max(1, int(timeout_s))}s"}
    try:
        return _single(connection.custom_query(query, params=evaluation))
    except (requests.Timeout, ReadTimeout, _TooSlow):
        return Unavailable("timeout", f"no answer within {timeout_s:g} s")
    except PrometheusApiClientException as error:
        return Unavailable("refused", str(error)[:300])
    except (requests.JSONDecodeError, _TooLarge, KeyError, TypeError, ValueError) as error:
        return Unavailable("malformed", f"not an answer of Prometheus: {error}"[:300])
    except (requests.RequestException, HTTPError, OSError) as error:
        return Unavailable("down", _cause(error))


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


def _cause(error: Exception) -> str:
    """The system's own words, out of what pool and session have wrapped around them."""
    inner = getattr(error.args[0], "reason", error) if error.args else error
    return str(inner).rpartition(": ")[2][:300] or type(error).__name__


# --- the connection ---------------------------------------------------------------------------------------------


@lru_cache(maxsize=4)
def _connection(url: str, timeout_s: float) -> PrometheusConnect:
    """One pool for each process. A failed look is not repeated: the next tick is."""
    return PrometheusConnect(url=url, session=_Bounded(timeout_s), retry=Retry(total=0, raise_on_status=False))


class _TooSlow(Exception):
    """The answer came drop by drop."""


class _TooLarge(Exception):
    """The answer had no end."""


class _Bounded(requests.Session):
    """requests bounds the wait for each piece of an answer; this bounds the whole of it, and its size."""

    def __init__(self, timeout_s: float) -> None:
        super().__init__()
        self._timeout_s = timeout_s

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        deadline = time.monotonic() + self._timeout_s
        bounds = {"timeout": self._timeout_s, "stream": True, "allow_redirects": False}
        response = super().send(request, **{**options, **bounds})
        body = bytearray()
        try:
            while piece := response.raw.read1(1 << 16, decode_content=True):
                body += piece
                if len(body) > MAX_BYTES:
                    raise _TooLarge(f"an answer of more than {MAX_BYTES} bytes")
                if time.monotonic() > deadline:
                    raise _TooSlow
        except BaseException:
            response.close()
            raise
        response.raw.release_conn()
        response._content = bytes(body)  # where requests keeps what it has read
        return response
