"""A global rate limit from its change to what the dashboard tells of it, over real traffic."""

from __future__ import annotations

from tests.support.demo import Demo
from tests.support.poll import until

FRONTEND = "shop/frontend"
ROUTES = f"services/{FRONTEND}/routes/"


def test_a_global_limit_is_exact_and_told(demo: Demo) -> None:
    before = demo.api("GET", ROUTES)
    limit = {"name": "spend", "requests": 20, "per_ms": 3_600_000, "scope": "global"}
    limited = [{**route, "limits": [limit]} for route in before.body["routes"][-1:]]
    change = demo.api("PUT", ROUTES, {"routes": limited, "reason": "test"}, If_Match=before.headers["etag"])
    assert change.status == 200, change
    try:
        demo.applied(change.body["revision"])
        until(lambda: demo.get().status == 429, "the gateway turns requests away")
        assert "retry-after" in demo.get().headers

        def usage() -> dict[str, int]:
            (told,) = demo.api("GET", f"services/{FRONTEND}/limits/usage/?window=5m").body["limits"]
            return {name: told[name] for name in ("allowed", "limited")}

        until(lambda: usage()["limited"] > 20, "it is told")
        assert usage()["allowed"] == 20, "exactly as many passed as may"
    finally:
        now = demo.api("GET", ROUTES)
        back = demo.api(
            "PUT", ROUTES, {"routes": before.body["routes"], "reason": "test"}, If_Match=now.headers["etag"]
        )
        demo.applied(back.body["revision"])
    until(lambda: demo.get().status == 200, "all pass again")
