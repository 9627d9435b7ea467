"""Alerts: they begin, last and end; each is told once, by group; silences and rules that cannot look."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from django.conf import settings as configured
from django.core import mail
from django.utils import timezone
from pytest_django.fixtures import Settings

from meshui.alerts import conditions, evaluate
from meshui.alerts.conditions import Condition
from meshui.alerts.models import Alert, Notice, Receiver, Silence
from meshui.core.errors import Unavailable
from tests.support.receiver import Receiver as Hook
from tests.support.receiver import receiver

pytestmark = pytest.mark.django_db


class Wrong:
    """What is wrong, as a rule says it; ``away`` where it cannot look."""

    def __init__(self) -> None:
        self.found: list[Condition] = []
        self.away = False

    def __call__(self) -> Iterator[Condition]:
        if self.away:
            raise Unavailable
        yield from self.found


def condition(service: str = "shop/payments", **changes: object) -> Condition:
    made = Condition(f"edge:shop/checkout->{service}", "page", service, f"{service} is failing", "12 % errors", "/x")
    return made._replace(**changes)  # type: ignore[arg-type]


@pytest.fixture
def wrong(monkeypatch: pytest.MonkeyPatch) -> Wrong:
    made = Wrong()
    monkeypatch.setattr(conditions, "RULES", {"edge_failing": made})
    return made


@pytest.fixture
def hook(settings: Settings) -> Iterator[tuple[str, type[Hook]]]:
    settings.MESHUI = replace(settings.MESHUI, outgoing_allow=("127.0.0.0/8",), public_url="https://mesh.example.com")
    with receiver() as found:
        Receiver.objects.create(kind="webhook", target=found[0], severity="page", created_by="root")
        yield found


def later(**ago: float) -> None:
    """As if everything had been so long ago."""
    span = timedelta(**ago)
    for row in Alert.objects.all():
        Alert.objects.filter(pk=row.pk).update(
            since=row.since - span, fires_at=row.fires_at - span, seen_at=row.seen_at - span
        )


def said(kind: type[Hook]) -> list[list[tuple[str, str]]]:
    """What was told: of each letter the alerts' objects and states."""
    evaluate.outbox.send_due()
    return [[(alert["object"], alert["status"]) for alert in json.loads(body)["alerts"]] for _, _, body in kind.seen]


EDGE = "edge:shop/checkout->shop/payments"


def test_an_alert_is_told_once_when_it_begins_and_once_when_it_ends(wrong: Wrong, hook: tuple[str, type[Hook]]) -> None:
    wrong.found = [condition()]
    assert [evaluate.evaluate() for _ in range(3)] == [1, 1, 1]
    assert said(hook[1]) == [[(EDGE, "firing")]]
    body = json.loads(hook[1].seen[0][2])
    assert (body["text"], body["group"]) == ("Firing: shop/payments is failing", "shop/payments")
    assert body["alerts"][0]["url"] == "https://mesh.example.com/x"
    assert "X-Meshui-Signature" in hook[1].seen[0][1]

    wrong.found = []
    assert evaluate.evaluate() == 1  # it may only flicker
    later(seconds=91)
    assert [evaluate.evaluate() for _ in range(2)] == [0, 0]
    assert said(hook[1])[1:] == [[(EDGE, "resolved")]]
    wrong.found = [condition()]
    evaluate.evaluate()
    assert said(hook[1])[2:] == [[(EDGE, "firing")]]
    assert Alert.objects.count() == 2


def test_what_is_of_one_service_is_told_together(wrong: Wrong, hook: tuple[str, type[Hook]]) -> None:
    other = condition(object="objective:shop/payments:availability")
    wrong.found = [condition(), other, condition("shop/cart")]
    evaluate.evaluate()
    assert sorted(map(len, said(hook[1]))) == [1, 2]


def test_what_does_not_last_is_no_alert(wrong: Wrong, hook: tuple[str, type[Hook]]) -> None:
    wrong.found = [condition(holds_s=30)]
    evaluate.evaluate()
    assert said(hook[1]) == []
    wrong.found = []
    evaluate.evaluate()
    assert not Alert.objects.exists()
    wrong.found = [condition(holds_s=30)]
    evaluate.evaluate()
    later(seconds=31)
    evaluate.evaluate()
    assert said(hook[1]) == [[(EDGE, "firing")]]


def test_a_rule_that_cannot_look_resolves_nothing(wrong: Wrong, hook: tuple[str, type[Hook]]) -> None:
    wrong.found = [condition()]
    evaluate.evaluate()
    wrong.away = True
    later(hours=1)
    assert evaluate.evaluate() == 1
    assert said(hook[1]) == [[(EDGE, "firing")]]


def test_silence_holds_back_and_what_still_fires_is_told_after_it(wrong: Wrong, hook: tuple[str, type[Hook]]) -> None:
    until = timezone.now() + timedelta(minutes=5)
    Silence.objects.create(namespace="shop", until=until, created_by="olga")
    Silence.objects.create(rule="rollout_paused", until=until, created_by="olga")
    wrong.found = [condition(), condition("bank/ledger")]
    evaluate.evaluate()
    assert said(hook[1]) == [[("edge:shop/checkout->bank/ledger", "firing")]]
    Silence.objects.update(until=timezone.now())
    evaluate.evaluate()
    assert said(hook[1])[1:] == [[(EDGE, "firing")]]


def test_a_silenced_alert_that_ends_is_not_told(wrong: Wrong, hook: tuple[str, type[Hook]]) -> None:
    Silence.objects.create(until=timezone.now() + timedelta(minutes=5), created_by="olga")
    wrong.found = [condition()]
    evaluate.evaluate()
    wrong.found = []
    later(seconds=91)
    assert evaluate.evaluate() == 0
    assert said(hook[1]) == []


def test_receivers_get_their_severity_in_their_form(wrong: Wrong, hook: tuple[str, type[Hook]]) -> None:
    url, kind = hook
    Receiver.objects.create(kind="slack", target=f"{url}/slack", severity="ticket", created_by="root")
    Receiver.objects.create(kind="email", target="ops@example.com", severity="ticket", created_by="root")
    wrong.found = [condition(severity="ticket", title="<!channel> fails")]
    evaluate.evaluate()
    evaluate.outbox.send_due()
    ((path, _, body),) = kind.seen
    assert path == "/slack"
    text = json.loads(body)["text"]
    assert "<https://mesh.example.com/x|&lt;!channel&gt; fails>" in text and "<!channel>" not in text
    (message,) = mail.outbox
    assert message.subject == "[meshui demo] Firing: <!channel> fails"
    assert "https://mesh.example.com/x" in message.body
    assert set(Notice.objects.values_list("state", flat=True)) == {"sent"}


def test_what_is_old_is_forgotten(wrong: Wrong, hook: tuple[str, type[Hook]]) -> None:
    wrong.found = [condition()]
    evaluate.evaluate()
    assert evaluate.drop_old() == 0
    old = timezone.now() - timedelta(days=configured.MESHUI.alert_days + 1)
    Alert.objects.update(resolved_at=old)
    Notice.objects.update(created_at=old)
    assert evaluate.drop_old() == 1  # what is still to be sent stays
    Notice.objects.update(state="sent")
    assert evaluate.drop_old() == 1
