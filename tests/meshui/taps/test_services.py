"""The life of a tap: who may begin it, what proxies are told, and how it ends."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from redis import Redis
from redis.client import PubSub

from meshui.catalog.models import Service
from meshui.core.models import Change
from meshui.taps import services
from meshui.taps.models import GRACE, Tap
from meshui.taps.services import forget_before, tap_stop, tap_watch
from proxies.wire import keys
from proxies.wire.taps import MAX_TAPS, TapOrder, read_order
from tests.meshui.taps.copies import OLGA, ROOT, begin
from tests.support.api import Api

pytestmark = pytest.mark.django_db


@pytest.fixture
def ordered(valkey: Redis, catalog: Service) -> Iterator[PubSub]:
    """What the catalog's proxies hear."""
    with valkey.pubsub(ignore_subscribe_messages=True) as channel:
        channel.subscribe(keys.tap("shop/catalog"))
        channel.get_message(timeout=5)
        yield channel


def heard(channel: PubSub) -> TapOrder:
    message = channel.get_message(timeout=5)
    assert message is not None, "no order came"
    return read_order(message["data"])


def at(row: Tap, monkeypatch: pytest.MonkeyPatch, **later: float) -> datetime:
    now = row.created_at + timedelta(**later)
    monkeypatch.setattr(timezone, "now", lambda: now)
    return now


def test_an_operator_begins_a_tap_and_the_proxies_hear_of_it(ordered: PubSub, operator: Api) -> None:
    sent = {"destination": "shop/catalog", "method": "GET", "path": "/items/*", "code": "5xx", "flag": "UH"}
    sent |= {"header": "x-tenant", "value": "gold", "rate": 5, "percent": 50, "redact": ["x-mine"], "seconds": 60}
    answer = operator.post("taps/", sent | {"reason": "errors"})
    assert (answer.status, answer.body["state"], answer.body["side"]) == (201, "active", "destination")
    assert {name: answer.body[name] for name in sent if name != "seconds"} == {
        name: value for name, value in sent.items() if name != "seconds"
    }
    order = heard(ordered)
    assert (order.id, order.side, order.destination, order.source) == (
        *(answer.body["id"], "destination", "shop/catalog", ""),
    )
    assert (order.method, order.path, order.code, order.flag, order.header, order.value) == (
        *("GET", "/items/*", "5xx", "UH", "x-tenant", "gold"),
    )
    assert (order.rate, order.share, order.redact) == (5, 0.5, ["x-mine"])
    assert 10 < order.until - timezone.now().timestamp() <= services.HOLDS_S
    change = Change.objects.order_by("-pk")[0]
    assert (change.action, change.object, change.namespace, change.actor, change.reason) == (
        *("tap.start", "tap:*->shop/catalog", "shop", "olga", "errors"),
    )
    assert change.after["header"] == "x-tenant"


def test_the_callers_proxies_copy_where_there_is_a_caller(ordered: PubSub, admin: Api) -> None:
    answer = admin.post("taps/", {"source": "shop/catalog", "destination": "bank/ledger"})
    assert answer.body["side"] == "source"
    order = heard(ordered)
    assert (order.side, order.source, order.destination) == ("source", "shop/catalog", "bank/ledger")
    admin.post("taps/", {"source": "unknown", "destination": "shop/catalog"})
    order = heard(ordered)
    assert (order.side, order.source) == ("destination", "unknown")
    admin.post("taps/", {"source": "bank/ledger", "destination": "shop/catalog", "side": "destination"})
    order = heard(ordered)
    assert (order.side, order.source) == ("destination", "bank/ledger")


@pytest.mark.parametrize(
    ("sent", "path"),
    [
        ({}, "destination"),
        ({"destination": "unknown"}, "destination"),
        ({"source": "unknown"}, "destination"),
        ({"destination": "shop/gone"}, "destination"),
        ({"source": "shop/gone", "destination": "shop/catalog"}, "source"),
        ({"destination": "shop/catalog", "side": "source"}, "source"),
        ({"destination": "shop/catalog", "value": "x"}, "header"),
        ({"destination": "shop/catalog", "header": "X-Big"}, "header"),
        ({"destination": "shop/catalog", "path": "items"}, "path"),
        ({"destination": "shop/catalog", "code": "200-299"}, "code"),
        ({"destination": "shop/catalog", "rate": 51}, "rate"),
        ({"destination": "shop/catalog", "percent": 0}, "percent"),
        ({"destination": "shop/catalog", "seconds": 3601}, "seconds"),
        ({"destination": "shop/catalog", "method": "get"}, "method"),
        ({"destination": "shop/catalog", "more": 1}, "more"),
    ],
)
def test_what_is_no_tap_is_refused(admin: Api, valkey: Redis, sent: Any, path: str) -> None:
    answer = admin.post("taps/", sent)
    assert (answer.status, list(answer.paths())) == (400, [path])
    assert not Tap.objects.exists()


def test_heads_are_for_who_operates_what_is_called(operator: Api, outsider: Api, viewer: Api, valkey: Redis) -> None:
    assert viewer.post("taps/", {"destination": "shop/catalog"}).status == 403
    assert list(outsider.post("taps/", {"destination": "shop/catalog"}).paths()) == ["destination"]
    assert list(operator.post("taps/", {"source": "shop/catalog", "destination": "bank/ledger"}).paths()) == [
        "destination"
    ]
    assert operator.post("taps/", {"source": "shop/catalog"}).status == 403
    assert operator.post("taps/", {"source": "shop/catalog", "destination": "unknown"}).status == 403
    assert not Tap.objects.exists()
    row = begin()
    everywhere = begin(source="shop/catalog", destination="")
    for api, status in ((operator, 200), (outsider, 404), (viewer, 404)):
        assert api.get(f"taps/{row.pk}/").status == status
        assert api.get(f"taps/{everywhere.pk}/").status == 404
    assert [tap["id"] for tap in operator.get("taps/").body["results"]] == [str(row.pk)]
    assert outsider.get("taps/").body["results"] == viewer.get("taps/").body["results"] == []
    assert (outsider.call("DELETE", f"taps/{row.pk}/").status, viewer.call("DELETE", f"taps/{row.pk}/").status) == (
        *(404, 403),
    )
    assert begin().state == "active"


def test_who_watches_keeps_it_alive_and_has_it_ordered_again(ordered: PubSub, monkeypatch: pytest.MonkeyPatch) -> None:
    row = begin(OLGA)
    first = heard(ordered)
    at(row, monkeypatch, seconds=services.RENEW_S - 1)
    tap_watch(row)
    at(row, monkeypatch, seconds=services.RENEW_S)
    tap_watch(row)
    again = heard(ordered)
    assert again.until == pytest.approx(first.until + services.RENEW_S)
    at(row, monkeypatch, seconds=services.RENEW_S + GRACE.total_seconds() - 1)
    assert Tap.objects.get().state == "active"
    at(row, monkeypatch, seconds=services.RENEW_S + GRACE.total_seconds())
    assert Tap.objects.get().state == "unwatched"
    tap_watch(Tap.objects.get())
    assert ordered.get_message(timeout=0.05) is None
    assert Tap.objects.get().state == "unwatched"


def test_it_ends_in_time_and_is_not_ordered_for_longer(ordered: PubSub, monkeypatch: pytest.MonkeyPatch) -> None:
    row = begin(OLGA, seconds=12)
    assert heard(ordered).until == pytest.approx(row.until.timestamp())
    at(row, monkeypatch, seconds=6)
    tap_watch(row)
    assert heard(ordered).until == pytest.approx(row.until.timestamp())
    at(row, monkeypatch, seconds=12)
    assert row.state == "expired"


def test_stopping_ends_it_at_once_and_once(ordered: PubSub, operator: Api) -> None:
    row = begin(OLGA)
    heard(ordered)
    answer = operator.call("DELETE", f"taps/{row.pk}/?reason=enough")
    assert (answer.status, answer.body["state"], answer.body["ended_by"]) == (200, "stopped", "olga")
    assert answer.body["ended_at"]
    assert heard(ordered).until == 0
    change = Change.objects.order_by("-pk")[0]
    assert (change.action, change.reason) == ("tap.stop", "enough")
    assert operator.call("DELETE", f"taps/{row.pk}/").body["ended_at"] == answer.body["ended_at"]
    assert Change.objects.order_by("-pk")[0] == change
    assert operator.get("taps/?active=true").body["results"] == []
    assert len(operator.get("taps/").body["results"]) == 1


def test_there_are_no_more_than_a_proxy_takes(valkey: Redis, catalog: Service, operator: Api) -> None:
    rows = [begin() for _ in range(MAX_TAPS)]
    answer = operator.post("taps/", {"destination": "shop/catalog"})
    assert (answer.status, answer.body["code"]) == (409, "too_many_taps")
    tap_stop(actor=ROOT, tap_id=rows[0].pk)
    assert operator.post("taps/", {"destination": "shop/catalog"}).status == 201


def test_a_dry_run_begins_nothing(ordered: PubSub, operator: Api) -> None:
    assert operator.post("taps/?dry_run=1", {"destination": "shop/catalog"}).status == 201
    row = begin()
    heard(ordered)
    assert operator.call("DELETE", f"taps/{row.pk}/?dry_run=1").status == 200
    assert Tap.objects.get().state == "active"
    assert ordered.get_message(timeout=0.05) is None


def test_a_redis_that_is_away_does_not_keep_anybody_from_stopping(
    monkeypatch: pytest.MonkeyPatch, catalog: Service, valkey: Redis
) -> None:
    row = begin()
    away = Redis(host="127.0.0.1", port=1, socket_connect_timeout=1)
    monkeypatch.setattr(services, "client", lambda: away)
    assert tap_stop(actor=ROOT, tap_id=row.pk).state == "stopped"


def test_old_taps_are_forgotten(catalog: Service, valkey: Redis) -> None:
    row = begin(seconds=60)
    assert forget_before(row.until) == 0
    assert forget_before(row.until + timedelta(seconds=1)) == 1
