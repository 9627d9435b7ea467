"""Token providers over REST: what may be said, whose keys are fetched how, and what proxies get of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings

from meshui.catalog.models import Service
from meshui.catalog.services import service_create
from meshui.core.actors import Actor
from meshui.core.commits import current_mesh
from meshui.core.models import Change, Outbox
from meshui.delivery.build import build
from meshui.delivery.load import Key, load
from meshui.security.models import JwtProvider
from meshui.security.services import fetch_due
from proxies.wire.resources import InboundBody, InboundResource
from tests.support.api import Api, everything, make_user
from tests.support.receiver import receiver
from tests.support.tokens import ISSUER, claims, ec_key, jwk, rsa_key, token

RSA, NEXT = rsa_key(), rsa_key()
KEYS = {"keys": [jwk(RSA, use="sig")]}
CORP: dict[str, Any] = {
    "name": "corp",
    "namespace": "shop",
    "issuer": ISSUER,
    "audiences": ["catalog"],
    "algorithms": ["RS256"],
    "jwks": KEYS,
    "claim_headers": {"X-User": "sub"},
    "description": "staff",
    "reason": "who works here",
}
READERS = {
    "name": "readers",
    "target": "shop/catalog",
    "action": "allow",
    "rules": [{"from": {"jwt": {"providers": ["corp"], "claims": {"role": ["reader"]}}}}],
}
CATALOG_MTLS = "mtls/services/shop/catalog/"


@pytest.fixture
def guard(catalog: Service, root: Actor) -> Api:
    service_create(actor=root, service="shop/frontend")
    return Api(make_user("gwen", ("security", "shop")))


@pytest.fixture
def outgoing_allow(settings: Settings) -> Callable[..., None]:
    def allow(*entries: str) -> None:
        settings.MESHUI = replace(settings.MESHUI, outgoing_allow=entries)

    return allow


def unnamed(provider: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {field: value for field, value in provider.items() if field not in ("name", "namespace")} | more


def dirty() -> set[Key]:
    return {(row.kind, row.name) for row in Outbox.objects.all()}


def built(service: str) -> InboundBody:
    wanted = {("inbound", service)}
    (resource,) = build(load(current_mesh(), wanted), wanted).good.values()
    assert isinstance(resource, InboundResource)
    assert resource.requires == 6
    return resource.body


def test_a_policy_brings_the_provider_that_it_names_to_its_services(guard: Api) -> None:
    made = guard.post("jwt-providers/", CORP)
    assert made.status == 201, made.body
    assert made.body["keys"] == [{"kid": "one", "kty": "RSA", "alg": None}]
    assert made.body["clock_skew_s"] == 60
    assert made.body["headers"] == [{"name": "authorization", "scheme": "Bearer"}]
    assert guard.post("policies/", READERS).status == 201
    body = built("shop/catalog")
    (provider,) = body.providers
    assert (provider.name, provider.issuer, provider.skew_s, provider.forward) == ("corp", ISSUER, 60, False)
    assert provider.claim_headers == {"x-user": "sub"}
    assert provider.keys[0].n == KEYS["keys"][0]["n"]
    condition = body.policies[0].rules[0].caller.jwt
    assert condition is not None
    assert (condition.providers, condition.claims) == (["corp"], {"role": ["reader"]})
    assert body.token_required == []
    assert guard.get("jwt-providers/corp/").body["used_by"] == {"policies": ["readers"], "settings": []}
    assert Change.objects.get(action="provider.create").object == "provider:corp"


def test_a_change_of_a_provider_reaches_those_who_use_it(guard: Api) -> None:
    made = guard.post("jwt-providers/", CORP)
    guard.post("policies/", READERS)
    Outbox.objects.all().delete()
    put = guard.change("PUT", "jwt-providers/corp/", unnamed(CORP, audiences=["orders"]))
    assert put.status == 200, put.body
    assert dirty() == {("inbound", "shop/catalog")}
    assert built("shop/catalog").providers[0].audiences == ["orders"]
    change = Change.objects.get(action="provider.set")
    assert change.summary == "changed audiences"
    assert guard.call("PUT", "jwt-providers/corp/", unnamed(CORP), If_Match=made.etag).status == 412
    assert guard.post(f"changes/{change.pk}/revert/", {}).status == 200
    assert built("shop/catalog").providers[0].audiences == ["catalog"]


def test_a_setting_says_whose_tokens_a_service_takes_and_whether_it_needs_one(guard: Api) -> None:
    guard.post("jwt-providers/", CORP)
    tokens = {"providers": ["corp"], "required": True}
    put = guard.change("PUT", CATALOG_MTLS, {"mtls": "permissive", "tokens": tokens})
    assert (put.status, put.body["tokens"]) == (200, tokens)
    assert built("shop/catalog").token_required == ["corp"]
    (found,) = [row for row in guard.get("mtls/").body["effective"] if row["service"] == "shop/catalog"]
    assert (found["tokens"], found["tokens_from"]) == (tokens, "shop/catalog")
    left = guard.change("PUT", CATALOG_MTLS, {"mtls": "strict"})
    assert left.body["tokens"] == tokens, "what is not said stays"
    gone = guard.change("PUT", CATALOG_MTLS, {"mtls": None, "tokens": None})
    assert gone.body["tokens"] is None


def test_a_rule_without_providers_means_those_of_the_setting(guard: Api) -> None:
    guard.post("jwt-providers/", CORP)
    guard.post("jwt-providers/", CORP | {"name": "partner", "issuer": "https://partner.example"})
    guard.post("policies/", READERS | {"rules": [{"from": {"jwt": {"claims": {"role": ["*"]}}}}]})
    guard.post("policies/", READERS | {"name": "partners", "rules": [{"from": {"jwt": {"providers": ["partner"]}}}]})

    def meant() -> list[str]:
        (policy,) = [policy for policy in built("shop/catalog").policies if policy.name == "readers"]
        assert policy.rules[0].caller.jwt is not None
        return policy.rules[0].caller.jwt.providers

    assert meant() == [], "nobody's token, not that of a provider which another policy brings"
    guard.change("PUT", CATALOG_MTLS, {"tokens": {"providers": ["corp"]}})
    assert meant() == ["corp"]


BAD: list[tuple[dict[str, Any], dict[str, str]]] = [
    ({"algorithms": ["none"]}, {"algorithms.0": "invalid"}),
    ({"algorithms": ["HS256"]}, {"algorithms.0": "invalid"}),
    ({"algorithms": []}, {"algorithms": "invalid"}),
    ({"issuer": ""}, {"issuer": "invalid"}),
    ({"jwks": None}, {"jwks_url": "required"}),
    ({"jwks_url": "https://id.example.com/keys"}, {"jwks": "conflict"}),
    ({"jwks": {"keys": []}}, {"jwks.keys": "required"}),
    ({"jwks": {"keys": [jwk(RSA) | {"d": "AQAB"}]}}, {"jwks.keys.0": "invalid"}),
    ({"jwks": {"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}}, {"jwks.keys.0": "invalid"}),
    ({"jwks": {"keys": [jwk(rsa_key(1024))]}}, {"jwks.keys.0": "invalid"}),
    ({"jwks": {"keys": [jwk(RSA, use="enc")]}}, {"jwks.keys": "required"}),
    ({"jwks": {"keys": [jwk(RSA, alg="RSA-OAEP")]}}, {"jwks.keys": "required"}),
    ({"jwks": {"keys": [jwk(RSA)] * 51}}, {"jwks.keys": "too_many"}),
    ({"claim_headers": {"authorization": "sub"}}, {"claim_headers.authorization": "forbidden"}),
    ({"claim_headers": {"X-Forwarded-For": "sub"}}, {"claim_headers.x-forwarded-for": "forbidden"}),
    ({"headers": [], "cookies": [], "query": []}, {"headers": "required"}),
    ({"clock_skew_s": 601}, {"clock_skew_s": "invalid"}),
    ({"namespace": "Shop"}, {"namespace": "invalid"}),
    ({"extra": 1}, {"extra": "unknown_field"}),
]


@pytest.mark.parametrize(("wrong", "errors"), BAD)
def test_what_cannot_be_changes_nothing(guard: Api, wrong: dict[str, Any], errors: dict[str, str]) -> None:
    before = everything()
    refused = guard.post("jwt-providers/", CORP | wrong)
    assert (refused.status, refused.paths()) == (400, errors), refused.body
    assert everything() == before


@pytest.mark.parametrize(
    "url",
    [
        "http://id.example.com/keys",
        "https://127.0.0.1/keys",
        "https://[::1]/keys",
        "https://169.254.169.254/latest/meta-data",
        "https://10.0.0.1/keys",
        "https://[::ffff:127.0.0.1]/keys",
        "https://user:secret@id.example.com/keys",
        "file:///etc/passwd",
        "ftp://id.example.com/keys",
    ],
)
def test_keys_are_asked_for_nowhere_that_only_we_can_reach(guard: Api, url: str) -> None:
    refused = guard.post("jwt-providers/", CORP | {"jwks": None, "jwks_url": url})
    assert (refused.status, refused.paths()) == (400, {"jwks_url": "refused"})


def test_providers_are_used_where_they_belong_and_not_removed_while_they_are(guard: Api, admin: Api) -> None:
    assert guard.post("jwt-providers/", CORP | {"namespace": ""}).status == 403
    assert guard.post("jwt-providers/", CORP | {"namespace": "bank"}).status == 403
    guard.post("jwt-providers/", CORP)
    elsewhere = admin.post("policies/", READERS | {"target": "*"})
    assert elsewhere.paths() == {"rules.0.from.jwt.providers.0": "unknown_provider"}
    assert admin.post("policies/", READERS | {"target": "bank/*"}).status == 400
    assert admin.change("PUT", "mtls/", {"tokens": {"providers": ["corp"]}}).paths() == {
        "tokens.providers.0": "unknown_provider"
    }
    guard.post("policies/", READERS)
    refused = guard.change("DELETE", "jwt-providers/corp/")
    assert (refused.status, refused.body["code"]) == (409, "in_use")
    guard.change("DELETE", "policies/readers/")
    assert guard.change("DELETE", "jwt-providers/corp/").status == 204
    assert Api(make_user("bob", ("viewer", "bank"))).get("jwt-providers/corp/").status == 404


def test_an_external_policy_says_whom_to_ask(guard: Api) -> None:
    policy = {"name": "asks", "target": "shop/catalog", "action": "external", "rules": [{}]}
    assert guard.post("policies/", policy).paths() == {"check": "required"}
    unknown = guard.post("policies/", policy | {"check": {"service": "shop/nobody"}})
    assert unknown.paths() == {"check.service": "unknown_service"}
    check = {"service": "shop/frontend", "request_headers": ["authorization"], "on_error": "allow"}
    assert guard.post("policies/", policy | {"check": check, "rules": []}).paths() == {"rules": "required"}
    assert guard.post("policies/", policy | {"check": check | {"request_headers": ["host"]}}).paths() == {
        "check.request_headers.0": "forbidden"
    }
    made = guard.post("policies/", policy | {"check": check})
    assert made.status == 201, made.body
    assert made.body["check"]["timeout_ms"] == 500
    (wire,) = built("shop/catalog").policies
    assert wire.check is not None
    assert (wire.action, wire.check.service, wire.check.on_error) == ("external", "shop/frontend", "allow")


def test_who_answers_checks_is_not_asked_about_its_own_questions(admin: Api, guard: Api) -> None:
    check = {"service": "shop/frontend"}
    made = admin.post("policies/", {"name": "asks", "target": "*", "action": "external", "rules": [{}], "check": check})
    assert made.status == 201, made.body
    wanted = {("inbound", "shop/catalog"), ("inbound", "shop/frontend")}
    good = build(load(current_mesh(), wanted), wanted).good
    assert [len(good[key].body.policies) for key in sorted(wanted)] == [1, 0]  # type: ignore[union-attr]


# --- explaining


def explained(api: Api, **asked: Any) -> dict[str, Any]:
    answer = api.post("policies/explain/", {"service": "shop/catalog", **asked})
    assert answer.status == 200, answer.body
    return dict(answer.body)


def test_an_explanation_tells_of_tokens_and_checks(guard: Api) -> None:
    guard.post("jwt-providers/", CORP)
    guard.post("policies/", READERS)
    stated = {"provider": "corp", "claims": {"role": ["reader"]}}
    assert explained(guard, token=stated)["status"] == 200
    other = explained(guard, token=stated | {"claims": {"role": "writer"}})
    assert (other["status"], other["steps"][0]["rules"][0]["unmet"]) == (403, ["from.jwt.claims.role"])
    assert explained(guard)["steps"][0]["rules"][0]["unmet"] == ["from.jwt", "from.jwt.claims.role"]
    real = token(RSA, claims(timezone.now().timestamp(), role="reader"))
    assert explained(guard, headers={"authorization": f"Bearer {real}"})["status"] == 200
    late = explained(guard, headers={"authorization": f"Bearer {real}"}, at=str(timezone.now() + timedelta(hours=1)))
    assert (late["status"], late["token"]) == (401, "expired")
    guard.change("PUT", CATALOG_MTLS, {"tokens": {"providers": ["corp"], "required": True}})
    absent = explained(guard)
    assert (absent["status"], absent["token"], absent["because"]) == (401, "absent", "a token of corp is required")
    check = {"service": "shop/frontend"}
    policy = {"name": "asks", "target": "shop/catalog", "action": "external", "rules": [{}], "check": check}
    found = explained(guard, token=stated, policy=policy)
    assert (found["status"], found["checks"], found["steps"][0]["policy"]) == (200, ["asks"], "asks")


# --- fetching


def fetched(guard: Api, url: str) -> JwtProvider:
    made = guard.post("jwt-providers/", CORP | {"jwks": None, "jwks_url": url, "refresh_s": 60})
    assert made.status == 201, made.body
    guard.post("policies/", READERS)
    assert fetch_due() == 1
    return JwtProvider.objects.get()


def test_keys_are_fetched_and_their_rotation_is_a_revision(guard: Api, outgoing_allow: Callable[..., None]) -> None:
    outgoing_allow("127.0.0.1")
    with receiver(answer=json.dumps(KEYS).encode()) as (url, server):
        row = fetched(guard, f"{url}/keys")
        assert server.seen[0][0] == "/keys"
        assert (row.failing_since, row.fetch_error) == (None, "")
        assert row.next_fetch_at is not None and row.next_fetch_at > timezone.now() + timedelta(seconds=50)
        assert fetch_due() == 0, "not before it is due"
        revision, changes = current_mesh().revision, Change.objects.count()
        assert guard.post("jwt-providers/corp/refresh/", {}).status == 200
        assert (current_mesh().revision, Change.objects.count()) == (revision, changes), "the same keys are no change"
        Outbox.objects.all().delete()
        server.answer = json.dumps({"keys": [jwk(RSA), jwk(NEXT, "two")]}).encode()
        shown = guard.post("jwt-providers/corp/refresh/", {})
    assert [key["kid"] for key in shown.body["keys"]] == ["one", "two"]
    assert dirty() == {("inbound", "shop/catalog")}
    assert [key.kid for key in built("shop/catalog").providers[0].keys] == ["one", "two"]
    assert Change.objects.get(revision=current_mesh().revision).summary == "keys one -> one, two"


@pytest.mark.parametrize(
    ("attributes", "error"),
    [
        ({"status": 500}, "it answered 500"),
        ({"status": 302, "location": "https://id.example.com/keys"}, "it answered 302"),
        ({"answer": b"<html>"}, "it is no JSON"),
        ({"answer": b'{"keys": []}'}, "none of the keys"),
        ({"answer": b'{"keys": {}}'}, "expected a JSON object"),
        ({"answer": json.dumps({"keys": [jwk(RSA) | {"d": "AQAB"}]}).encode()}, "it holds a secret"),
        ({"answer": b'{"keys": [' + b" " * 70_000 + b"]}"}, "it is no JSON"),
        ({"answer": b"[" * 60_000}, "it is no JSON"),
    ],
)
def test_the_last_good_keys_stay_when_a_fetch_fails(
    guard: Api, outgoing_allow: Callable[..., None], attributes: dict[str, Any], error: str
) -> None:
    outgoing_allow("127.0.0.1")
    with receiver(answer=json.dumps(KEYS).encode()) as (url, server):
        before = fetched(guard, f"{url}/keys")
        for name, value in attributes.items():
            setattr(server, name, value)
        shown = guard.post("jwt-providers/corp/refresh/", {}).body
        again = guard.post("jwt-providers/corp/refresh/", {}).body
    assert error in shown["fetch_error"]
    assert shown["failing_since"] == again["failing_since"] is not None
    assert shown["keys"] == [{"kid": "one", "kty": "RSA", "alg": None}]
    row = JwtProvider.objects.get()
    assert row.keys == before.keys
    assert built("shop/catalog").providers[0].keys[0].kid == "one"


def test_what_is_allowed_no_longer_is_not_asked_any_more(guard: Api, outgoing_allow: Callable[..., None]) -> None:
    outgoing_allow("127.0.0.1")
    with receiver(answer=json.dumps(KEYS).encode()) as (url, server):
        fetched(guard, f"{url}/keys")
        outgoing_allow()
        shown = guard.post("jwt-providers/corp/refresh/", {}).body
        assert len(server.seen) == 1
    assert "https" in shown["fetch_error"] or "public" in shown["fetch_error"]
    assert shown["keys"]


def test_a_new_issuer_does_not_inherit_keys(guard: Api, outgoing_allow: Callable[..., None]) -> None:
    outgoing_allow("127.0.0.1")
    with receiver(answer=json.dumps(KEYS).encode()) as (url, _):
        fetched(guard, f"{url}/keys")
        moved = unnamed(CORP, jwks=None, jwks_url=f"{url}/elsewhere")
        assert guard.change("PUT", "jwt-providers/corp/", moved).body["keys"], "they stay until others came"
        other = unnamed(CORP, jwks=None, jwks_url=f"{url}/elsewhere", issuer="https://other.example")
        put = guard.change("PUT", "jwt-providers/corp/", other)
    assert put.body["keys"] == []


def test_given_keys_are_not_fetched(guard: Api) -> None:
    guard.post("jwt-providers/", CORP)
    refused = guard.post("jwt-providers/corp/refresh/", {})
    assert (refused.status, refused.paths()) == (400, {"jwks_url": "none"})
    assert fetch_due() == 0


def test_keys_of_other_kinds_among_good_ones_are_left_out(guard: Api) -> None:
    keys = [jwk(RSA), jwk(NEXT, "enc", use="enc"), jwk(ec_key(), "ec", key_ops=["verify"]), {"kty": "AKP", "kid": "x"}]
    made = guard.post("jwt-providers/", CORP | {"jwks": {"keys": keys}})
    assert [key["kid"] for key in made.body["keys"]] == ["one", "ec"]
