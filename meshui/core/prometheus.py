"""The way to Prometheus and back, over prometheus-api-client: bounded in time and size, with its errors typed.

The server's address is the operator's alone (MESHUI_PROMETHEUS_URL); no body names one, and redirects are refused, so
nobody's query reaches another machine. Knows nothing of what is asked.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Literal, TypeVar

import requests
from prometheus_api_client.exceptions import PrometheusApiClientException
from prometheus_api_client.prometheus_connect import PrometheusConnect
from urllib3.exceptions import HTTPError, ReadTimeoutError
from urllib3.exceptions import TimeoutError as ReadTimeout
from urllib3.util.retry import Retry

MAX_BYTES = 1 << 20
"""Of an answer of one time."""
MAX_RANGE_BYTES = 32 << 20
"""Of an answer of many times."""

UNREADABLE = (AttributeError, LookupError, OverflowError, RecursionError, TypeError, ValueError)
"""What reading anything at all may raise where an answer of Prometheus was expected."""

FailureCode = Literal["timeout", "refused", "malformed", "down"]
T = TypeVar("T")


class Failure(Exception):
    """No usable answer: none in time, any status but 200, nothing of Prometheus', or nobody there."""

    def __init__(self, code: FailureCode, message: str) -> None:
        super().__init__(message)
        self.code = code


def ask(url: str, query: str, timeout_s: float, read: Callable[[Any], T]) -> T:
    """What ``read`` makes of a query's result now; what it raises of ``UNREADABLE`` means a malformed answer. Raises
    Failure. ``timeout_s`` is for connecting, for the head of an answer, and for all of it."""
    connection = _connection(url, timeout_s, MAX_BYTES)
    return _answered(lambda: connection.custom_query(query, params=_evaluation(timeout_s)), timeout_s, read)


def ask_range(url: str, query: str, start: int, end: int, step_s: int, timeout_s: float, read: Callable[[Any], T]) -> T:
    """The same of a query's result every ``step_s`` seconds from ``start`` to ``end`` (Unix seconds)."""
    connection = _connection(url, timeout_s, MAX_RANGE_BYTES)
    first, last = (datetime.fromtimestamp(unix, UTC) for unix in (start, end))
    return _answered(
        lambda: connection.custom_query_range(query, first, last, str(step_s), params=_evaluation(timeout_s)),
        timeout_s,
        read,
    )


def _evaluation(timeout_s: float) -> dict[str, str]:
    """How long the server may work on it."""
    return {"timeout": f"{max(1, int(timeout_s))}s"}


def _answered(asked: Callable[[], Any], timeout_s: float, read: Callable[[Any], T]) -> T:
    """Every foreign error crosses here, once."""
    try:
        return read(asked())
    except (requests.Timeout, ReadTimeout, _TooSlow):
        raise Failure("timeout", f"no answer within {timeout_s:g} s") from None
    except PrometheusApiClientException as error:
        raise Failure("refused", str(error)[:300]) from None
    except (requests.JSONDecodeError, _TooLarge, *UNREADABLE) as error:
        raise Failure("malformed", f"not an answer of Prometheus: {error}"[:300]) from None
    except (requests.RequestException, HTTPError, OSError) as error:
        cause = _cause(error)
        if isinstance(cause, ReadTimeoutError):
            raise Failure("timeout", f"no answer within {timeout_s:g} s") from None
        raise Failure("down", str(cause).rpartition(": ")[2][:300] or type(cause).__name__) from None


def _cause(error: Exception) -> Any:
    """The system's own error, out of what pool and session have wrapped around it."""
    return getattr(error.args[0], "reason", error) if error.args else error


@lru_cache(maxsize=8)
def _connection(url: str, timeout_s: float, max_bytes: int) -> PrometheusConnect:
    """One pool for each process. A failed look is not repeated: whoever asks does that."""
    session = _Bounded(timeout_s, max_bytes)
    return PrometheusConnect(url=url, session=session, retry=Retry(total=0, raise_on_status=False))


class _TooSlow(Exception):
    """The answer came drop by drop."""


class _TooLarge(Exception):
    """The answer had no end."""


class _Bounded(requests.Session):
    """requests bounds the wait for each piece of an answer; this bounds the whole of it, and its size."""

    def __init__(self, timeout_s: float, max_bytes: int) -> None:
        super().__init__()
        self._timeout_s = timeout_s
        self._max_bytes = max_bytes

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        deadline = time.monotonic() + self._timeout_s
        bounds = {"timeout": self._timeout_s, "stream": True, "allow_redirects": False}
        response = super().send(request, **{**options, **bounds})
        body = bytearray()
        try:
            while piece := response.raw.read1(1 << 16, decode_content=True):
                body += piece
                if len(body) > self._max_bytes:
                    raise _TooLarge(f"an answer of more than {self._max_bytes} bytes")
                if time.monotonic() > deadline:
                    raise _TooSlow
        except BaseException:
            response.close()
            raise
        response.raw.release_conn()
        response._content = bytes(body)  # where requests keeps what it has read
        return response
