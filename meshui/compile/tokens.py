"""Token providers as proxies read them, and what proxies would refuse of them."""

from __future__ import annotations

from collections.abc import Iterator

from meshui.mesh.invariants import Breach
from meshui.mesh.tokens import TokenProvider
from proxies.core.tokens import provider_flaws
from proxies.wire import tokens as wire


def provider_of(provider: TokenProvider) -> wire.TokenProvider:
    """One provider; it is the same bytes for the same provider."""
    rules = provider.rules
    return wire.TokenProvider(
        name=provider.name,
        issuer=rules.issuer,
        audiences=list(rules.audiences),
        algorithms=list(rules.algorithms),
        keys=list(provider.keys),
        headers=[wire.TokenHeader(name=header.name.lower(), scheme=header.scheme) for header in rules.headers],
        cookies=list(rules.cookies),
        query=list(rules.query),
        skew_s=rules.clock_skew_s,
        forward=rules.forward,
        claim_headers={name.lower(): claim for name, claim in sorted(rules.claim_headers.items())},
    )


def provider_breaches(provider: TokenProvider) -> Iterator[Breach]:
    """What proxies would refuse; paths as ``claim_headers.host``."""
    for flaw in provider_flaws(provider_of(provider)):
        yield Breach(flaw.path, flaw.code, flaw.reason)
