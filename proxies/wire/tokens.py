"""Whose tokens (JWT, RFC 7519) a service takes, and what of them counts: parts of its ``inbound`` resource."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, field

from proxies.wire.base import Body, Label
from proxies.wire.routing import FieldName

Algorithm = Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
"""Asymmetric ones alone (RFC 7518 section 3.1, RFC 8037): whoever verifies could not sign."""
ClaimName = Annotated[str, Meta(min_length=1, max_length=256)]
ParameterName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$", max_length=128)]
KeyNumber = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]*$", max_length=2048)]


class VerificationKey(Body, frozen=True, kw_only=True):
    """A public key as a JWK (RFC 7517) has it, without the fields that do not matter here. With ``alg`` it is for that
    one alone; tokens name it by ``kid``."""

    kty: Literal["RSA", "EC", "OKP"]
    kid: Annotated[str, Meta(max_length=256)] = ""
    alg: Algorithm | None = None
    n: KeyNumber = ""
    e: KeyNumber = ""
    crv: Annotated[str, Meta(max_length=16)] = ""
    x: KeyNumber = ""
    y: KeyNumber = ""


class TokenHeader(Body, frozen=True, kw_only=True):
    """A header that may carry a token: all of its value, or what follows ``scheme`` and a space."""

    name: FieldName
    scheme: Annotated[str, Meta(pattern=r"^[A-Za-z0-9._~+-]*$", max_length=32)] = ""


class TokenProvider(Body, frozen=True, kw_only=True):
    """Who signs tokens, and where requests carry them.

    A token is one of its own where ``iss`` is ``issuer`` and it came at one of its places; it is good where one of
    ``keys`` signed it by one of ``algorithms``, ``aud`` names one of ``audiences`` (none: whatever it names), and now
    is between ``nbf`` and ``exp``, give or take ``skew_s``. The token goes on to the app only with ``forward``.
    ``claim_headers`` are set to claims, by name of the header; what a client says in them is dropped.
    """

    name: Label
    issuer: Annotated[str, Meta(min_length=1, max_length=1024)]
    audiences: list[Annotated[str, Meta(min_length=1, max_length=1024)]] = field(default_factory=list)
    algorithms: Annotated[list[Algorithm], Meta(min_length=1)]
    keys: list[VerificationKey] = field(default_factory=list)
    headers: list[TokenHeader] = field(default_factory=list)
    cookies: list[ParameterName] = field(default_factory=list)
    query: list[ParameterName] = field(default_factory=list)
    skew_s: Annotated[int, Meta(ge=0, le=600)] = 60
    forward: bool = False
    claim_headers: dict[FieldName, ClaimName] = field(default_factory=dict)


class TokenCondition(Body, frozen=True, kw_only=True):
    """Met by a good token of one of ``providers`` (none: by no token), each of whose ``claims`` has one of the values,
    ``*`` for any. A claim is found by its name, or by a path of names with dots between."""

    providers: list[Label] = field(default_factory=list)
    claims: dict[ClaimName, list[Annotated[str, Meta(max_length=1024)]]] = field(default_factory=dict)
