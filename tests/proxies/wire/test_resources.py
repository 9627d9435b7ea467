"""Resources and reports: what is written reads the same, what is none is refused with its field."""

from __future__ import annotations

import msgspec
import pytest

from proxies.wire import resources
from proxies.wire.reports import Ack, Acks, ReportError, entry, proxy_key, read_acks
from proxies.wire.resources import (
    EndpointsBody,
    EndpointsResource,
    ResourceError,
    Route,
    ServiceBody,
    ServiceResource,
    WeightedVersion,
    content_hash,
    decode,
    decode_file,
    encode,
)

BODY = ServiceBody(
    hosts=["a.b.mesh"],
    versions=["v1"],
    split=[WeightedVersion(version="v1", weight=1)],
    routes=[Route(name="default")],
)
SERVICE = ServiceResource(name="b/a", epoch=1, revision=2, version=content_hash(BODY), body=BODY)


def test_a_resource_survives_the_wire() -> None:
    assert decode(encode(SERVICE)) == SERVICE
    assert SERVICE.key == "service:b/a"


def test_an_unknown_field_is_ignored_and_a_newer_schema_refused() -> None:
    raw = msgspec.msgpack.decode(encode(SERVICE))
    raw["body"]["new"] = 1
    assert decode(msgspec.msgpack.encode(raw)) == SERVICE
    raw["requires"] = 99
    with pytest.raises(ResourceError, match="schema 99"):
        decode(msgspec.msgpack.encode(raw))


def test_what_is_no_resource_names_its_field() -> None:
    raw = msgspec.msgpack.decode(encode(SERVICE))
    raw["body"]["split"][0]["weight"] = "many"
    with pytest.raises(ResourceError, match=r"body\.split\[0\]\.weight"):
        decode(msgspec.msgpack.encode(raw))
    with pytest.raises(ResourceError):
        decode(b"\xc1")
    with pytest.raises(ResourceError, match=r"resources\[0\]"):
        decode_file(b'{"resources": [{"kind": "none"}]}')


def test_the_hash_follows_the_content_only() -> None:
    again = ServiceResource(name="b/a", epoch=9, revision=9, body=msgspec.structs.replace(BODY))
    assert content_hash(again.body) == SERVICE.version
    assert content_hash(msgspec.structs.replace(BODY, identity="x")) != SERVICE.version
    assert EndpointsResource(name="b/a", body=EndpointsBody(endpoints=[])).key == "endpoints:b/a"


def test_a_report_is_believed_only_from_who_signed_it() -> None:
    master = b"m" * 32
    acks = Acks("p1", [Ack("trust", 1, 1, "v", "ack")])
    assert read_acks(master, entry(proxy_key(master, "p1"), acks)) == acks
    with pytest.raises(ReportError):
        read_acks(master, entry(proxy_key(master, "p2"), acks))
    with pytest.raises(ReportError):
        read_acks(master, {b"d": b"", b"s": b""})


@pytest.mark.parametrize(
    "body", [{"policies": [{"name": "p", "action": "deny"}]}, {"default": "deny"}, {"mtls": "permissive"}]
)
def test_an_older_reader_refuses_what_it_would_half_understand(
    body: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    newer = msgspec.convert(body, resources.InboundBody)
    assert resources.required_schema(newer) == 4
    assert resources.required_schema(resources.InboundBody(mtls="disable")) == 1
    data = resources.encode(resources.InboundResource(name="shop/catalog", body=newer, requires=4))
    assert isinstance(resources.decode(data), resources.InboundResource)
    monkeypatch.setattr(resources, "SCHEMA", 3)
    with pytest.raises(resources.ResourceError, match="needs schema 4"):
        resources.decode(data)


@pytest.mark.parametrize("field", ["denied", "revoked"])
def test_an_older_reader_refuses_trust_that_leaves_somebody_out(field: str) -> None:
    trust = resources.TrustBody(trust_domain="mesh.local", bundle=["root"])
    assert resources.required_schema(trust) == 1
    assert resources.required_schema(msgspec.structs.replace(trust, **{field: ["x"]})) == 5
