"""A proposal is kept and shown as it was sent, so nothing that may be proposed has a place for a secret."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.urls import URLPattern, URLResolver, get_resolver
from drf_spectacular.generators import SchemaGenerator

from meshui.catalog.models import Service
from meshui.core.api.endpoints import Endpoint
from meshui.proposals.models import Proposal
from tests.support.api import Api, make_user

SECRET = re.compile(r"(^|_)(key|keys|password|passphrase|secret|token|credential|credentials|pin)$")
OPEN = {"jwks"}
"""Documents that hold whatever they hold; each is refused for a secret within, which is tried below."""
METHODS = ("post", "put", "delete")


def _patterns(resolver: URLResolver, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for pattern in resolver.url_patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLPattern):
            yield route, getattr(pattern.callback, "view_class", None)
        else:
            yield from _patterns(pattern, route)


def _fields(schema: Any, components: dict[str, Any], path: str, seen: frozenset[str] = frozenset()) -> Iterator[str]:
    """The paths of all fields below a schema; one that may hold anything ends in ``.*``."""
    if isinstance(schema, list):
        for part in schema:
            yield from _fields(part, components, path, seen)
        return
    if not isinstance(schema, dict):
        return
    name = schema.get("$ref", "").rpartition("/")[2]
    if name and name not in seen:
        yield from _fields(components[name], components, path, seen | {name})
    for field, kind in schema.get("properties", {}).items():
        yield f"{path}.{field}"
        yield from _fields(kind, components, f"{path}.{field}", seen)
    if schema.get("type") == "object" and not {"properties", "additionalProperties"} & schema.keys():
        yield f"{path}.*"
    if schema.get("additionalProperties") in (True, {}):
        yield f"{path}.*"
    for part in ("items", "prefixItems", "anyOf", "oneOf", "allOf", "additionalProperties"):
        yield from _fields(schema.get(part), components, path, seen)


def proposable() -> dict[str, list[str]]:
    """The fields of each write that may be proposed, by its method and path."""
    document = SchemaGenerator().get_schema(public=True)
    components = document["components"]["schemas"]
    found: dict[str, list[str]] = {}
    for route, view in _patterns(get_resolver()):
        if not (isinstance(view, type) and issubclass(view, Endpoint) and view.proposable):
            continue
        operations = document["paths"]["/" + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", route)]
        for method in METHODS:
            if method in operations:
                sent = operations[method].get("requestBody", {}).get("content", {})
                found[f"{method} {route}"] = [
                    field for content in sent.values() for field in _fields(content["schema"], components, "")
                ]
    return found


def test_nothing_that_is_proposed_has_a_field_for_a_secret() -> None:
    found = proposable()
    assert any(".rules.from.services" in fields for fields in found.values()), "the walk goes down into bodies"
    for write, fields in found.items():
        for field in fields:
            *_, holder, last = ("", *field.split("."))
            if last == "*":
                assert holder in OPEN, f"{write}: {field} may hold anything"
            else:
                assert not SECRET.search(last), f"{write}: {field} may be a secret"


@pytest.mark.parametrize("private", [{"d": "AQAB"}, {"kty": "oct", "k": "AQAB"}])
@pytest.mark.parametrize("reviewed", [True, False])
def test_a_set_of_keys_with_a_secret_in_it_is_not_kept(
    catalog: Service, private: dict[str, str], reviewed: bool
) -> None:
    gwen = Api(make_user("gwen", ("security", "shop")))
    if reviewed:
        assert gwen.call("PUT", "proposals/rules/", {"namespace": "shop", "required": True}).status == 200
    body = {
        "name": "corp",
        "namespace": "shop",
        "issuer": "https://id.example.com",
        "audiences": ["catalog"],
        "algorithms": ["RS256"],
        "jwks": {"keys": [{"kty": "RSA", "kid": "a", "n": "AQAB", "e": "AQAB", **private}]},
    }
    refused = gwen.post("proposals/", {"method": "POST", "path": "jwt-providers/", "body": body, "reason": "staff"})
    assert refused.status == 400, refused.body
    assert "holds a secret" in str(refused.body)
    assert not Proposal.objects.exists()
