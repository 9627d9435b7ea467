"""Notifications: what leaves, to whom, once, and what happens when it does not arrive."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.utils import timezone
from pytest_django import Settings

from meshui.core import outgoing
from meshui.core.sending import BACK_OFF, attempt
from meshui.rollouts.models import Notification, Rollout
from meshui.rollouts.notify import sender
from meshui.rollouts.plan import Notify, Pause
from tests.meshui.rollouts.world import AUTHOR, World
from tests.support.receiver import Receiver, receiver

EVERYTHING = ("started", "paused", "approval", "failed", "succeeded", "rolled_back")


@pytest.fixture
def hook(settings: Settings) -> Iterator[tuple[str, type[Receiver]]]:
    settings.MESHUI = replace(settings.MESHUI, outgoing_allow=("127.0.0.0/8",), public_url="https://mesh.example.com")
    with receiver() as found:
        yield found


def told(*entries: tuple[str, str], on: tuple[str, ...] = EVERYTHING) -> dict[str, Any]:
    return {"notify": tuple(Notify(kind=kind, target=target, on=on) for kind, target in entries)}  # type: ignore[arg-type]


def due_again() -> None:
    """As if the back-off had passed."""
    Notification.objects.filter(state="pending").update(next_try_at=timezone.now() - timedelta(seconds=1))


def states() -> list[tuple[str, int]]:
    return list(Notification.objects.order_by("pk").values_list("state", "tries"))


def test_a_webhook_says_what_happened_where_and_is_signed(world: World, hook: tuple[str, type[Receiver]]) -> None:
    url, kind = hook
    row = world.create(**told(("webhook", f"{url}/mesh?team=shop")))
    due_again()
    assert sender.send_due() == 1
    path, headers, body = kind.seen[0]
    said = json.loads(body)
    notification = Notification.objects.get()
    assert path == "/mesh?team=shop"
    assert said["url"] == f"https://mesh.example.com/rollouts/{row.pk}"
    assert said["rollout"] == {
        "id": str(row.pk),
        "service": "shop/catalog",
        "stable": "v1",
        "canary": "v2",
        "state": "progressing",
        "pause_reason": "",
        "step": 0,
    }
    assert (said["environment"], said["event"], said["actor"]) == ("demo", "started", AUTHOR.name)
    assert said["id"] == headers["X-Meshui-Delivery"] == str(notification.pk)
    signed = f"{headers['X-Meshui-Timestamp']}.".encode() + body
    mac = hmac.new(outgoing.webhook_key().encode(), signed, hashlib.sha256).hexdigest()
    assert headers["X-Meshui-Signature"] == f"sha256={mac}"
    assert (notification.state, notification.tries) == ("sent", 1)
    assert notification.sent_at is not None


def test_what_was_sent_is_not_sent_again(world: World, hook: tuple[str, type[Receiver]]) -> None:
    url, kind = hook
    world.create(**told(("webhook", url)))
    due_again()
    assert (sender.send_due(), sender.send_due()) == (1, 0)
    assert len(kind.seen) == 1


def test_a_pause_says_its_reason_in_words(world: World, hook: tuple[str, type[Receiver]]) -> None:
    url, kind = hook
    row = world.create((Pause(),), strategy="manual", **told(("slack", url), on=("paused",)))
    world.until_state(row, "paused")
    due_again()
    sender.send_due()
    ((_, headers, body),) = kind.seen
    text = json.loads(body)["text"]
    assert text.startswith("*shop/catalog v1 -&gt; v2 was paused by hand*")
    assert f"<https://mesh.example.com/rollouts/{row.pk}|Rollout {row.pk}>" in text
    assert "X-Meshui-Signature" not in headers


def test_slack_makes_nothing_of_what_people_write(world: World, hook: tuple[str, type[Receiver]]) -> None:
    url, kind = hook
    row = world.create(start=False, **told(("slack", url)))
    world.act(row, "start")
    world.act(row, "abort", reason="<!channel> & <https://evil.example|x>")
    due_again()
    sender.send_due()
    due_again()
    sender.send_due()
    texts = [json.loads(body)["text"] for _, _, body in kind.seen]
    assert any("&lt;!channel&gt; &amp; &lt;https://evil.example|x&gt;" in text for text in texts)
    assert not any("<!channel>" in text for text in texts)


def test_e_mail(world: World, hook: tuple[str, type[Receiver]]) -> None:
    row = world.create(**told(("email", "ops@example.com")))
    due_again()
    assert sender.send_due() == 1
    (letter,) = mail.outbox
    assert letter.to == ["ops@example.com"]
    assert letter.subject == "[meshui demo] shop/catalog v1 -> v2 started"
    assert f"https://mesh.example.com/rollouts/{row.pk}" in letter.body


def test_each_hears_only_what_it_asked_for(world: World, hook: tuple[str, type[Receiver]]) -> None:
    url, _ = hook
    row = world.create(**told(("webhook", url), on=("rolled_back",)))
    assert not Notification.objects.exists()
    world.act(row, "abort")
    world.until_state(row, "rolled_back")
    assert [n.event.kind for n in Notification.objects.all()] == ["rolled_back"]


# --- when it does not arrive ------------------------------------------------------------------------------------


def test_one_that_did_not_arrive_is_tried_again_later(world: World, hook: tuple[str, type[Receiver]]) -> None:
    url, kind = hook
    kind.status = 503
    world.create(**told(("webhook", url)))
    due_again()
    assert (sender.send_due(), sender.send_due()) == (1, 0)
    waiting = Notification.objects.get()
    assert (waiting.state, waiting.tries, waiting.error) == ("pending", 1, "it answered 503")
    assert waiting.next_try_at > timezone.now()
    kind.status = 200
    due_again()
    sender.send_due()
    assert states() == [("sent", 2)]
    assert len({headers["X-Meshui-Delivery"] for _, headers, _ in kind.seen}) == 1


def test_it_is_given_up_in_the_end(world: World, hook: tuple[str, type[Receiver]]) -> None:
    url, kind = hook
    kind.status = 500
    world.create(**told(("webhook", url)))
    for _ in range(20):
        due_again()
        sender.send_due()
    assert states() == [("failed", len(BACK_OFF) + 1)]
    assert len(kind.seen) == len(BACK_OFF) + 1


@pytest.mark.parametrize("status", [301, 400, 404, 410])
def test_what_will_never_arrive(world: World, hook: tuple[str, type[Receiver]], status: int) -> None:
    url, kind = hook
    kind.status = status
    world.create(**told(("webhook", url)))
    due_again()
    sender.send_due()
    assert states() == [("pending" if status == 301 else "failed", 1)]


def test_an_address_that_became_private_is_not_asked(
    world: World, hook: tuple[str, type[Receiver]], settings: Settings
) -> None:
    url, kind = hook
    world.create(**told(("webhook", url)))
    settings.MESHUI = replace(settings.MESHUI, outgoing_allow=())
    due_again()
    sender.send_due()
    assert (states(), kind.seen) == ([("failed", 1)], [])


def test_one_receiver_that_fails_holds_up_no_other(world: World, hook: tuple[str, type[Receiver]]) -> None:
    url, kind = hook
    with receiver(status=500) as (broken, _):
        world.create(**told(("webhook", broken), ("webhook", url), ("email", "ops@example.com")))
        due_again()
        assert sender.send_due() == 3
    assert states() == [("pending", 1), ("sent", 1), ("sent", 1)]
    assert (len(kind.seen), len(mail.outbox)) == (1, 1)


def test_a_receiver_hears_in_order(world: World, hook: tuple[str, type[Receiver]]) -> None:
    url, kind = hook
    row = world.create(**told(("webhook", url)))
    world.act(row, "pause")
    world.act(row, "abort")
    due_again()
    assert sender.send_due() == 3
    assert [json.loads(body)["event"] for _, _, body in kind.seen] == ["started", "paused", "rolling_back"]


@pytest.mark.django_db(transaction=True)
def test_two_senders_at_once_send_each_once(world: World, hook: tuple[str, type[Receiver]]) -> None:
    """As two workers would, each in a process of its own: without this process's lock."""
    from django.db import connection

    url, kind = hook
    row = Rollout.objects.get(pk=world.create().pk)
    for number in range(12):
        event = row.events.create(seq=100 + number, kind="started", actor="x")
        Notification.objects.create(event=event, kind="webhook", target=f"{url}/{number % 6}")
    due_again()

    def send() -> None:
        while rows := sender.outbox.claim():
            for claimed in rows:
                sender.outbox.mark(claimed, attempt(sender.letter_of(claimed)))
        connection.close()

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    delivered = [headers["X-Meshui-Delivery"] for _, headers, _ in kind.seen]
    assert len(delivered) == len(set(delivered)) == 12
    assert states() == [("sent", 1)] * 12
