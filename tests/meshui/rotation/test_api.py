from __future__ import annotations

import pytest

from meshui.rotation.models import Rotation
from meshui.security.models import Authority
from meshui.security.services import authority_ensure
from tests.meshui.security.support import Outside
from tests.support.api import Api

ROTATIONS = "authority/rotations/"


def test_it_is_started_followed_paused_and_withdrawn(admin: Api, viewer: Api) -> None:
    started = admin.post(ROTATIONS, {"source": "made", "reason": "yearly"})
    assert started.status == 201
    assert (started.body["state"], started.body["actor"], started.body["reason"]) == ("publishing", "root", "yearly")
    one = f"{ROTATIONS}{started.body['id']}/"
    seen = viewer.get(one).body
    assert (seen["waits_code"], seen["progress"]["proxies"], seen["missing"]) == ("publication", 0, [])
    assert seen["may"] == {"pause": True, "resume": False, "abort": True, "pass_over": False}
    assert [step["status"] for step in seen["steps"]] == ["current", "ahead", "ahead", "ahead", "ahead"]
    assert admin.post(ROTATIONS, {"source": "made"}).body["code"] == "rotation_under_way"
    assert admin.post(f"{one}pause/", {"reason": "lunch"}).body["waits_code"] == "paused"
    assert admin.post(f"{one}resume/", {}).body["paused"] is False
    assert admin.post(f"{one}pass/", {"proxy": "px-9"}).status == 404
    withdrawn = admin.post(f"{one}abort/", {}).body
    assert [step["state"] for step in withdrawn["steps"]] == ["publishing", "withdrawing", "dropping", "aborted"]
    assert [row["id"] for row in viewer.get(ROTATIONS).body["results"]] == [started.body["id"]]
    authority = viewer.get("authority/").body
    assert authority["rotation"]["state"] == "withdrawing"
    assert [(row["kind"], row["state"]) for row in authority["certificates"]] == [
        ("root", "active"),
        ("intermediate", "active"),
        ("root", "pending"),
        ("intermediate", "pending"),
    ]


def test_a_dry_run_says_what_would_be(admin: Api) -> None:
    authority_ensure()
    root = Outside()
    offer = {"source": "imported", "certificate": root.certificate, "key": root.pem_key}
    tried = admin.post(f"{ROTATIONS}?dry_run=1", offer)
    assert (tried.status, tried.body["id"], tried.body["state"]) == (200, 0, "publishing")
    assert not Rotation.objects.exists() and Authority.objects.count() == 2
    assert "PRIVATE" not in str(tried.body)


@pytest.mark.parametrize(
    ("offer", "paths"),
    [
        ({"source": "bought"}, {"source"}),
        ({"source": "imported", "certificate": "x", "key": "y"}, {"certificate"}),
        ({"source": "imported", "certificate": Outside().certificate}, {"key"}),
        ({"source": "offline", "certificate": Outside().certificate}, {"source"}),
        ({"source": "made", "key": "x"}, {"key"}),
    ],
)
def test_what_is_wrong_is_said_by_its_field(admin: Api, offer: dict[str, str], paths: set[str]) -> None:
    refused = admin.post(ROTATIONS, offer)
    assert (refused.status, set(refused.paths())) == (400, paths)
    assert not Rotation.objects.exists()


def test_requests_and_intermediates(admin: Api) -> None:
    assert admin.get("authority/request/").status == 404
    made = admin.post("authority/request/", {})
    assert made.status == 201 and "CERTIFICATE REQUEST" in made.body["csr"]
    assert admin.get("authority/").body["request"]["key_digest"] == made.body["key_digest"]
    assert admin.call("DELETE", "authority/request/").status == 204
    before = admin.post("authority/intermediate/", {"source": "made"}).body
    after = admin.post("authority/intermediate/", {"source": "made"}).body
    assert before["fingerprint"] != after["fingerprint"] and after["state"] == "active"
    tried = admin.post("authority/intermediate/?dry_run=1", {"source": "made"}).body
    assert tried["fingerprint"] != after["fingerprint"]
    assert Authority.objects.get(kind="intermediate", state="active").fingerprint == after["fingerprint"]
