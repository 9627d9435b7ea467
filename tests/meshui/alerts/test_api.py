"""``alerts/`` over HTTP: who sees what, who may silence, who is told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings

from meshui.alerts.models import Alert, Notice, Receiver, Silence
from meshui.core.models import Change
from meshui.live import topics
from tests.support.api import Api
from tests.support.receiver import Receiver as Hook
from tests.support.receiver import receiver

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def three() -> None:
    """One that fires in ``shop``, one in ``bank``, one that is resolved, and one that does not fire yet."""
    now = timezone.now()
    for name, namespace, fires, resolved in (
        ("catalog", "shop", now, None),
        ("ledger", "bank", now, None),
        ("old", "shop", now, now),
        ("young", "shop", now + timedelta(minutes=1), None),
    ):
        Alert.objects.create(
            rule="edge_failing", object=f"edge:a->{namespace}/{name}", severity="page", namespace=namespace,
            service=f"{namespace}/{name}", title=f"{name} fails", path="/x", since=now, fires_at=fires, seen_at=now,
            resolved_at=resolved,
        )  # fmt: skip


def names(api: Api, query: str = "") -> list[str]:
    return [alert["service"] for alert in api.get(f"alerts/{query}").body["results"]]


def test_alerts_of_the_namespaces_one_may_view(viewer: Api, operator: Api, anonymous: Api) -> None:
    assert names(viewer) == ["bank/ledger", "shop/catalog"]
    assert names(operator) == ["shop/catalog"]
    assert names(viewer, "?state=resolved") == ["shop/old"]
    assert names(viewer, "?state=pending") == ["shop/young"]
    assert names(viewer, "?state=all&namespace=shop") == ["shop/old", "shop/catalog"]
    assert anonymous.get("alerts/").status == 401


def test_a_silence_is_shown_over_its_alerts_and_ended(operator: Api, viewer: Api) -> None:
    made = operator.post("alerts/silences/", {"namespace": "shop", "minutes": 30, "reason": "we know"})
    assert made.status == 201, made.body
    (alert,) = operator.get("alerts/").body["results"]
    assert alert["silenced_until"] == made.body["until"]
    assert Change.objects.get(action="silence.create").reason == "we know"
    assert [each["reason"] for each in viewer.get("alerts/silences/").body["results"]] == ["we know"]
    path = f"alerts/silences/{made.body['id']}/"
    assert viewer.call("DELETE", path).status == 403
    assert operator.call("DELETE", path).status == 204
    assert operator.call("DELETE", path).status == 404
    assert operator.get("alerts/").body["results"][0]["silenced_until"] is None


def test_only_who_changes_traffic_there_may_silence(operator: Api, viewer: Api, outsider: Api) -> None:
    assert viewer.post("alerts/silences/", {"namespace": "shop", "minutes": 30}).status == 403
    assert outsider.post("alerts/silences/", {"namespace": "shop", "minutes": 30}).status == 403
    assert operator.post("alerts/silences/", {"minutes": 30}).status == 403
    assert operator.post("alerts/silences/", {"namespace": "shop", "minutes": 0}).status == 400
    assert not Silence.objects.exists()


def test_receivers_are_for_administrators_and_keep_their_secrets(admin: Api, operator: Api, outsider: Api) -> None:
    body = {"kind": "slack", "target": "https://hooks.example.com/services/secret", "severity": "ticket"}
    for other in (operator, outsider):
        assert other.post("alerts/receivers/", body).status == 403
        assert other.get("alerts/receivers/").status == 403
    made = admin.post("alerts/receivers/", body)
    assert (made.status, made.body["target"]) == (201, "https://hooks.example.com/…")
    assert admin.post("alerts/receivers/", body).status == 409
    for target, code in (("http://169.254.169.254/latest", "refused"), ("ftp://example.com", "refused")):
        refused = admin.post("alerts/receivers/", {**body, "target": target})
        assert (refused.status, refused.body["errors"][0]["code"]) == (400, code)
    assert "secret" not in str(admin.get("alerts/receivers/").body) + str(Change.objects.values())
    assert admin.call("DELETE", f"alerts/receivers/{made.body['id']}/").status == 204
    assert not Receiver.objects.exists()


@pytest.fixture
def hook(settings: Settings) -> Iterator[tuple[str, type[Hook]]]:
    settings.MESHUI = replace(settings.MESHUI, outgoing_allow=("127.0.0.0/8",))
    with receiver() as found:
        yield found


def test_a_receiver_is_tested_once_and_what_came_of_it_is_told(
    admin: Api, operator: Api, hook: tuple[str, type[Hook]]
) -> None:
    url, received = hook
    made = admin.post("alerts/receivers/", {"kind": "webhook", "target": url, "severity": "page"})
    path = f"alerts/receivers/{made.body['id']}/test/"
    assert operator.post(path, {}).status == 403
    assert admin.post(path, {}).body == {"error": ""}
    ((_, headers, sent),) = received.seen
    assert (json.loads(sent)["event"], json.loads(sent)["alerts"]) == ("test", [])
    assert headers["X-Meshui-Delivery"].startswith("alerts-test-")
    assert admin.post("alerts/receivers/0/test/", {}).status == 404


def test_a_receiver_that_does_not_answer_says_so(admin: Api, settings: Settings) -> None:
    settings.MESHUI = replace(settings.MESHUI, outgoing_allow=("127.0.0.0/8",))
    row = Receiver.objects.create(kind="webhook", target="http://127.0.0.1:9/", severity="page", created_by="root")
    assert admin.post(f"alerts/receivers/{row.pk}/test/", {}).body["error"]


def test_notices_tell_what_could_not_be_sent_and_keep_secrets(admin: Api, operator: Api) -> None:
    url = "https://hooks.example.com/services/secret"
    lines = [{"title": "payments fails"}]
    for state, tries, error in (("sent", 1, ""), ("failed", 7, "it answered 500"), ("pending", 2, "no route")):
        Notice.objects.create(
            kind="slack", target=url, group="shop/payments", alerts=lines, state=state, tries=tries, error=error
        )
    assert operator.get("alerts/notices/").status == 403
    found = admin.get("alerts/notices/").body["results"]
    assert [(each["state"], each["next_try_at"] is None) for each in found] == [
        ("pending", False),
        ("failed", True),
        ("sent", True),
    ]
    assert found[1]["error"] == "it answered 500"
    assert found[1]["titles"] == ["payments fails"]
    assert "secret" not in str(found)
    for state in ("failed", "trying", "sent"):
        assert len(admin.get(f"alerts/notices/?state={state}").body["results"]) == 1


def test_the_live_topic_tells_what_begins_and_ends() -> None:
    topic = topics.parse("alerts", {}, topics.Rights(frozenset({"shop"}), frozenset()))
    before = topic.read()
    assert [alert.service for alert in before] == ["shop/catalog"]
    assert topic.diff(before, topic.read()) is None
    row = Alert.objects.get(service="shop/catalog")
    Alert.objects.filter(pk=row.pk).update(resolved_at=timezone.now())
    Alert.objects.filter(service="shop/young").update(fires_at=timezone.now())
    diff = topic.diff(before, topic.read())
    assert ([alert.service for alert in diff["changed"]], diff["removed"]) == (["shop/young"], [str(row.pk)])
