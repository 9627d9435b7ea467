"""Tokens of requests: which are good, and the ways to forge one that do not work."""

from __future__ import annotations

import hmac
import json
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from proxies.core.errors import BadMessage
from proxies.core.head import RequestHead, read_request
from proxies.core.tokens import MAX_TOKEN, BadToken, Verifier, token_flaws
from proxies.wire.tokens import TokenProvider
from tests.support.tokens import AUDIENCE, ISSUER, NOW, claims, ec_key, ed_key, encoded, jwk, rsa_key, signing, token

RSA, OTHER, EC, ED = rsa_key(), rsa_key(), ec_key(), ed_key()
PEM = RSA.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def provider(*keys: dict[str, Any], **more: Any) -> TokenProvider:
    said = {
        "name": "corp",
        "issuer": ISSUER,
        "audiences": [AUDIENCE],
        "algorithms": ["RS256"],
        "keys": list(keys) or [jwk(RSA)],
        "headers": [{"name": "authorization", "scheme": "Bearer"}],
    }
    return msgspec.convert(said | more, TokenProvider)


def ask(*lines: str, target: str = "/") -> RequestHead:
    return read_request("\r\n".join([f"GET {target} HTTP/1.1", "host: a", *lines]).encode())


def bearer(text: str) -> str:
    return f"authorization: Bearer {text}"


class Taken:
    """A verifier, with a clock that can be set and what it counted."""

    def __init__(self, *providers: TokenProvider, required: list[str] | None = None) -> None:
        self.now = NOW
        self.counted: list[tuple[str, str]] = []
        self.verifier = Verifier(
            providers or [provider()], required or [], lambda: self.now, lambda *each: self.counted.append(each)
        )

    def read(self, *lines: str, target: str = "/") -> RequestHead:
        head = ask(*lines, target=target)
        self.verifier.read(head)
        return head

    def refused(self, *lines: str, target: str = "/") -> str:
        """Why."""
        with pytest.raises(BadToken) as raised:
            self.read(*lines, target=target)
        return raised.value.reason


def good(**more: Any) -> str:
    return token(RSA, claims(**more))


def test_a_good_token_names_its_provider_and_what_it_claims() -> None:
    taken = Taken()
    head = taken.read(
        bearer(good(role=["reader", "writer"], level=3, staff=True, scope="read write", deep={"a": {"b": "c"}}))
    )
    assert head.token is not None
    assert head.token.provider == "corp"
    values = head.token.values
    assert values("sub") == {b"ada"}
    assert values("role") == {b"reader", b"writer"}
    assert (values("level"), values("staff"), values("deep.a.b")) == ({b"3"}, {b"true"}, {b"c"})
    assert values("scope") == {b"read write", b"read", b"write"}
    assert values("deep") == values("none") == values("sub.x") == frozenset()
    assert taken.counted == [("corp", "good")]


def test_without_a_token_a_request_is_anonymous_unless_one_is_required() -> None:
    assert Taken().read().token is None
    assert Taken().read("authorization: Basic YTpi").token is None
    assert Taken(required=["corp"]).refused() == "absent"
    assert Taken(required=["corp"]).read(bearer(good())).token is not None


def test_a_token_of_another_provider_is_not_the_required_one() -> None:
    partner = provider(jwk(OTHER), name="partner", issuer="https://partner.example")
    theirs = token(OTHER, claims(iss="https://partner.example"))
    assert Taken(provider(), partner).read(bearer(theirs)).token is not None
    assert Taken(provider(), partner, required=["corp"]).refused(bearer(theirs)) == "absent"


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [
        *[(RSA, name) for name in ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")],
        (EC, "ES256"),
        (ec_key(ec.SECP384R1()), "ES384"),
        (ec_key(ec.SECP521R1()), "ES512"),
        (ED, "EdDSA"),
    ],
)
def test_every_algorithm_verifies_what_its_key_signed_and_nothing_else(key: Any, algorithm: str) -> None:
    taken = Taken(provider(jwk(key), algorithms=[algorithm]))
    text = token(key, claims(), alg=algorithm)
    assert taken.read(bearer(text)).token is not None
    head, body, signature = text.split(".")
    forged = encoded(json.dumps(claims(sub="eve")).encode())
    assert taken.refused(bearer(f"{head}.{forged}.{signature}")) == "signature"
    assert taken.refused(bearer(f"{head}.{body}.{encoded(bytes(len(signature) * 3 // 4))}")) == "signature"
    assert taken.refused(bearer(f"{head}.{body}.")) == "signature"


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "", "HS256", "rs256", "RS384"])
def test_only_pinned_algorithms_count(alg: str) -> None:
    text = token(RSA, claims(), alg=alg, sign=lambda data: b"")
    assert Taken().refused(bearer(text)) == "algorithm"


def test_no_public_key_is_the_secret_of_an_hmac() -> None:
    """The classic: what everybody may read is taken for a shared secret."""
    text = token(RSA, claims(), alg="HS256", sign=lambda data: hmac.digest(PEM, data, "sha256"))
    assert Taken().refused(bearer(text)) == "algorithm"


@pytest.mark.parametrize("algorithm", ["none", "HS256", "HS512", "RS1", "dir"])
def test_a_provider_with_an_algorithm_that_proves_nothing_is_refused(algorithm: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        provider(algorithms=["RS256", algorithm])


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"iss": "https://evil.example"}, "issuer"),
        ({"iss": ISSUER + "/"}, "issuer"),
        ({"iss": None}, "issuer"),
        ({"iss": [ISSUER]}, "issuer"),
        ({"aud": "orders"}, "audience"),
        ({"aud": None}, "audience"),
        ({"aud": ["orders", 7]}, "audience"),
        ({"aud": {AUDIENCE: 1}}, "audience"),
        ({"exp": NOW - 61}, "expired"),
        ({"exp": None}, "malformed"),
        ({"exp": str(int(NOW) + 600)}, "malformed"),
        ({"exp": True}, "malformed"),
        ({"exp": 1e300}, "malformed"),
        ({"nbf": NOW + 61}, "early"),
        ({"nbf": "now"}, "malformed"),
    ],
)
def test_what_a_token_must_say(more: dict[str, Any], reason: str) -> None:
    assert Taken().refused(bearer(good(**more))) == reason


@pytest.mark.parametrize(
    "more", [{"exp": NOW - 59}, {"nbf": NOW + 59}, {"aud": ["orders", AUDIENCE]}, {"iat": NOW + 900}]
)
def test_what_it_may_say(more: dict[str, Any]) -> None:
    assert Taken().read(bearer(good(**more))).token is not None


def test_without_audiences_any_will_do() -> None:
    assert Taken(provider(audiences=[])).read(bearer(good(aud=None))).token is not None


def test_a_remembered_token_ends_when_it_says() -> None:
    taken = Taken()
    text = good()
    taken.read(bearer(text))
    taken.now += 659
    assert taken.read(bearer(text)).token is not None
    taken.now += 1
    assert taken.refused(bearer(text)) == "expired"


def test_a_remembered_token_counts_only_where_its_provider_looks() -> None:
    elsewhere = provider(jwk(OTHER), name="partner", issuer="https://partner.example", headers=[{"name": "x-token"}])
    taken = Taken(provider(), elsewhere)
    taken.read(bearer(good()))
    assert taken.refused(f"x-token: {good()}") == "issuer"


# --- keys


def test_a_kid_chooses_the_key_and_no_other_is_tried() -> None:
    taken = Taken(provider(jwk(RSA, "a"), jwk(OTHER, "b")))
    assert taken.read(bearer(token(OTHER, claims(), kid="b"))).token is not None
    assert taken.refused(bearer(token(OTHER, claims(), kid="a"))) == "signature"
    assert taken.refused(bearer(token(OTHER, claims(), kid="c"))) == "key"
    assert taken.refused(bearer(token(OTHER, claims(), kid=""))) == "key"


def test_a_kid_of_a_key_of_another_kind_is_no_key() -> None:
    taken = Taken(provider(jwk(RSA, "rsa"), jwk(EC, "ec"), algorithms=["RS256", "ES256"]))
    assert taken.read(bearer(token(EC, claims(), alg="ES256", kid="ec"))).token is not None
    assert taken.refused(bearer(token(RSA, claims(), alg="RS256", kid="ec"))) == "key"
    assert taken.refused(bearer(token(EC, claims(), alg="ES256", kid="rsa"))) == "key"


@pytest.mark.parametrize("kid", ["../../dev/null", "one' OR '1'='1", "one\\u0000", "/etc/passwd"])
def test_a_kid_is_compared_and_nothing_else(kid: str) -> None:
    assert Taken().refused(bearer(token(RSA, claims(), kid=kid))) == "key"


def test_without_a_kid_a_few_fitting_keys_are_tried() -> None:
    text = token(RSA, claims(), kid=None)
    assert Taken(provider(jwk(OTHER, "a"), jwk(RSA, "b"), jwk(EC, "c"))).read(bearer(text)).token is not None
    many = [jwk(OTHER, f"k{number}") for number in range(4)]
    assert Taken(provider(*many, jwk(RSA, "b"))).refused(bearer(text)) == "key"


def test_a_key_that_says_its_algorithm_signs_by_that_alone() -> None:
    taken = Taken(provider(jwk(RSA, alg="RS256"), algorithms=["RS256", "PS256"]))
    assert taken.read(bearer(good())).token is not None
    assert taken.refused(bearer(token(RSA, claims(), alg="PS256"))) == "key"


def test_keys_that_a_token_brings_along_count_for_nothing() -> None:
    evil = jwk(OTHER)
    for header in (
        {"jwk": evil},
        {"jku": "https://evil.example/keys"},
        {"x5u": "https://evil.example/x"},
        {"x5c": ["AA=="]},
    ):
        assert Taken().refused(bearer(token(OTHER, claims(), **header))) == "signature"
        assert Taken().read(bearer(token(RSA, claims(), **header))).token is not None


def test_after_a_rotation_old_keys_verify_nothing() -> None:
    text = good()
    assert Taken(provider(jwk(RSA, "one"), jwk(OTHER, "two"))).read(bearer(text)).token is not None
    assert Taken(provider(jwk(OTHER, "two"))).refused(bearer(text)) == "key"


@pytest.mark.parametrize(
    "key",
    [
        jwk(rsa_key(1024)),
        jwk(RSA) | {"n": ""},
        jwk(RSA) | {"e": "AQ"},
        jwk(EC) | {"y": encoded(bytes(32))},
        jwk(EC) | {"crv": "secp256k1"},
        jwk(EC, alg="ES384"),
        jwk(EC, alg="RS256"),
        jwk(ED) | {"x": "AAAA"},
        jwk(ED) | {"crv": "X25519"},
    ],
)
def test_keys_that_cannot_be_trusted_are_refused(key: dict[str, Any]) -> None:
    said = provider(key)
    assert [flaw.path for flaw in token_flaws([said])] == ["providers.0.keys.0"]
    with pytest.raises(BadMessage):
        Verifier([said], [], lambda: NOW)


# --- ECDSA


def test_an_ecdsa_signature_is_two_numbers_at_full_length() -> None:
    taken = Taken(provider(jwk(EC), algorithms=["ES256"]))
    raw = signing(EC, "ES256")

    def der(data: bytes) -> bytes:
        both = raw(data)
        return encode_dss_signature(int.from_bytes(both[:32], "big"), int.from_bytes(both[32:], "big"))

    for sign in (
        der,
        lambda data: bytes(64),
        lambda data: raw(data)[:63],
        lambda data: b"\0" + raw(data),
        lambda data: b"",
    ):
        assert taken.refused(bearer(token(EC, claims(), alg="ES256", sign=sign))) == "signature"


# --- what is no token


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "a.b",
        "a.b.c.d.e",
        "..",
        good() + "=",
        good() + ".",
        good()[:-1],
        good().replace(".", " ", 1),
        f"{good()}, Bearer {good()}",
        good().replace(".", ".\t", 1),
        encoded(b"[]") + "." + encoded(b"{}") + ".AAAA",
        encoded(b"{}" * 2) + "." + encoded(b"{}") + ".AAAA",
        encoded(b"\xff") + "." + encoded(b"{}") + ".AAAA",
        encoded(b"[" * 2000) + "." + encoded(b"{}") + ".AAAA",
        encoded(b'{"alg":"RS256"}') + "." + encoded(b'{"a":' * 1000 + b"1" + b"}" * 1000) + ".AAAA",
        token(RSA, claims(), crit=["exp"]),
        token(RSA, claims(), crit=["b64"], b64=False),
        token(RSA, claims(), typ="logout+jwt"),
        token(RSA, claims(), typ=["JWT"]),
        token(RSA, claims(), kid=7),  # type: ignore[arg-type]
        token(RSA, claims(pad="x" * MAX_TOKEN)),
    ],
)
def test_what_is_no_token_is_refused(text: str) -> None:
    assert Taken().refused(bearer(text)) in ("malformed", "signature", "issuer")


@pytest.mark.parametrize("typ", ["JWT", "jwt", "at+jwt", "application/at+JWT"])
def test_the_types_that_are_for_services(typ: str) -> None:
    assert Taken().read(bearer(token(RSA, claims(), typ=typ))).token is not None


def test_a_signature_has_one_spelling() -> None:
    """The last character of 256 bytes carries bits that mean nothing; they must be zero."""
    text = good()
    assert text[-1] in "AQgw"
    assert Taken().refused(bearer(text[:-1] + chr(ord(text[-1]) + 1))) == "malformed"


# --- where tokens are


def test_two_tokens_are_one_too_many() -> None:
    places = provider(cookies=["session"], query=["access_token"])
    taken = Taken(places)
    one, two = good(), good(sub="eve")
    for lines, target in (
        ((bearer(one), bearer(two)), "/"),
        ((bearer(one), bearer(one)), "/"),
        ((bearer(one), "authorization: Basic YTpi"), "/"),
        ((bearer(one), f"cookie: session={two}"), "/"),
        ((f"cookie: session={one}; session={two}",), "/"),
        ((f"cookie: session={one}", f"cookie: session={two}"), "/"),
        ((bearer(one),), f"/?access_token={two}"),
        ((), f"/?access_token={one}&access_token={two}"),
        ((), f"/?access_token={one}&access%5Ftoken={two}"),
    ):
        assert taken.refused(*lines, target=target) == "several"


def test_headers_cookies_and_parameters_carry_tokens() -> None:
    taken = Taken(provider(headers=[{"name": "x-token"}], cookies=["session"], query=["t"], forward=True))
    for line, target in (
        (f"X-Token: {good()}", "/"),
        (f"cookie: a=b; session={good()}; c=d", "/"),
        (f"x-other: {good()}", f"/?a=b&t={good()}"),
    ):
        assert taken.read(line, target=target).token is not None
    assert taken.read(bearer("whatever")).token is None


def test_the_scheme_is_compared_without_case_and_an_empty_token_is_none_that_is_good() -> None:
    assert Taken().read(f"authorization: bEARER   {good()}").token is not None
    assert Taken().refused("authorization: Bearer") == "malformed"


# --- what the app sees


def test_a_token_goes_on_only_where_it_is_to() -> None:
    def lines(*given: str, target: str = "/", **more: Any) -> list[bytes]:
        return Taken(provider(cookies=["s"], query=["t"], **more)).read(*given, target=target).lines

    text = good()
    assert lines(bearer(text), "x-a: b") == [b"GET / HTTP/1.1", b"host: a", b"x-a: b"]
    assert lines(f"cookie: a=b; s={text};c=d") == [b"GET / HTTP/1.1", b"host: a", b"cookie: a=b; c=d"]
    assert lines(f"cookie: s={text}") == [b"GET / HTTP/1.1", b"host: a"]
    assert lines(target=f"/x?a=b&t={text}&c")[0] == b"GET /x?a=b&c HTTP/1.1"
    assert lines(target=f"/x?t={text}")[0] == b"GET /x HTTP/1.1"
    assert lines(bearer(text), forward=True)[2] == bearer(text).encode()


def test_claims_become_headers_and_what_a_client_says_in_them_is_dropped() -> None:
    said = provider(claim_headers={"x-user": "sub", "x-roles": "roles", "x-tenant": "tenant"})
    spoofed = ("X-User: root", "x_user: root", "X-ROLES: admin", "x-tenant: evil")
    head = Taken(said).read(bearer(good(roles=["a", "b"], tenant="a\r\nx-admin: 1")), *spoofed)
    assert head.lines == [b"GET / HTTP/1.1", b"host: a", b"x-roles: a,b", b"x-user: ada"]
    assert Taken(said).read(*spoofed).lines == [b"GET / HTTP/1.1", b"host: a"]


@pytest.mark.parametrize(
    ("more", "path"),
    [
        ({"headers": []}, "headers"),
        ({"headers": [{"name": "host"}]}, "headers.0.name"),
        ({"headers": [{"name": "x\n"}]}, "headers.0.name"),
        ({"claim_headers": {"authorization": "sub"}}, "claim_headers.authorization"),
        ({"claim_headers": {"x-forwarded-for": "sub"}}, "claim_headers.x-forwarded-for"),
        ({"claim_headers": {"content-length": "sub"}}, "claim_headers.content-length"),
    ],
)
def test_what_a_provider_may_not_say(more: dict[str, Any], path: str) -> None:
    assert [flaw.path for flaw in token_flaws([provider(**more)])] == [f"providers.0.{path}"]


def test_providers_have_names_of_their_own_and_required_ones_are_there() -> None:
    assert [flaw.path for flaw in token_flaws([provider(), provider()])] == ["providers.0.name", "providers.1.name"]
    assert [flaw.path for flaw in token_flaws([provider()], ["other"])] == ["token_required.0"]
