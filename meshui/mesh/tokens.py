"""Token providers as a team decides on them: who signs the tokens of requests, and which of them a service takes."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, field

from meshui.mesh.values import Value
from proxies.wire import tokens as wire

ProviderName = Annotated[str, Meta(pattern=r"^[a-z]([-a-z0-9.]{0,61}[a-z0-9])?$", max_length=63)]
Text = Annotated[str, Meta(min_length=1, max_length=1024)]
FieldName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$", max_length=256)]


class TokenHeader(Value, frozen=True, kw_only=True):
    """A header that may carry a token: all of its value, or what follows ``scheme`` and a space."""

    name: FieldName
    scheme: Annotated[str, Meta(pattern=r"^[A-Za-z0-9._~+-]*$", max_length=32)] = ""


class TokenRules(Value, frozen=True, kw_only=True):
    """What makes a token good: who signed it, by which of these algorithms, for whom (``audiences``; none: for
    anybody), and where requests carry it. Clocks may differ by ``clock_skew_s``. The token goes on to the app only with
    ``forward``. ``claim_headers`` tell the app of claims, by name of the header; what clients say in these is dropped.
    """

    issuer: Text
    audiences: Annotated[list[Text], Meta(max_length=20)] = field(default_factory=list)
    algorithms: Annotated[list[wire.Algorithm], Meta(min_length=1, max_length=10)]
    headers: Annotated[list[TokenHeader], Meta(max_length=5)] = field(
        default_factory=lambda: [TokenHeader(name="authorization", scheme="Bearer")]
    )
    cookies: Annotated[list[wire.ParameterName], Meta(max_length=5)] = field(default_factory=list)
    query: Annotated[list[wire.ParameterName], Meta(max_length=5)] = field(default_factory=list)
    clock_skew_s: Annotated[int, Meta(ge=0, le=600)] = 60
    forward: bool = False
    claim_headers: Annotated[dict[FieldName, wire.ClaimName], Meta(max_length=20)] = field(default_factory=dict)


class TokenProvider(Value, frozen=True, kw_only=True):
    """A provider with the keys that are in force."""

    name: ProviderName
    rules: TokenRules
    keys: tuple[wire.VerificationKey, ...] = ()


class Tokens(Value, frozen=True, kw_only=True):
    """The tokens that a service takes, beside those that its policies name, and whether a request needs one."""

    providers: Annotated[list[ProviderName], Meta(max_length=20)] = field(default_factory=list)
    required: bool = False
