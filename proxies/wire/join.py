"""Joining and renewing: the JSON that a proxy and the control plane exchange over HTTP."""

from __future__ import annotations

from msgspec import Struct

from proxies.wire.base import Locality, Weight
from proxies.wire.resources import Listener


class JoinRequest(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """``POST /api/v1/proxies/join/``. Only the public key is taken from ``csr`` (PEM); who the proxy is comes from
    the token. ``name`` is the proxy's own, unique within its service; joining again under it replaces the former.
    ``listeners`` are where it will listen; an inbound one also registers the instance at that address.
    ``admin`` is ``address:port`` of its metrics. ``node``: its process serves other services too, each with an identity
    of its own. ``service`` is whom the proxy takes itself for, and with a token for another it may not join; empty:
    whomever the token is for. ``locality`` is where it runs; ``weight`` is its instance's among the others."""

    token: str
    csr: str
    name: str
    listeners: list[Listener]
    admin: str = ""
    node: bool = False
    service: str = ""
    proxy_version: str = ""
    locality: Locality = ""
    weight: Weight = 100


class JoinResponse(Struct, frozen=True, kw_only=True):
    """``certificate`` is the PEM chain, leaf first; ``report_key`` (hex) signs this proxy's reports."""

    proxy_id: str
    service: str
    version: str
    identity: str
    certificate: str
    bundle: list[str]
    redis_url: str
    redis_username: str
    redis_password: str
    report_key: str


class RenewRequest(Struct, frozen=True, kw_only=True):
    """``POST /api/v1/proxies/renew/``. ``signature`` (hex, ECDSA P-256 with SHA-256 by the key of ``certificate``) is
    over ``renew_payload``: possession of the current key is what authorises the next certificate."""

    proxy_id: str
    csr: str
    certificate: str
    timestamp: int
    signature: str


class RenewResponse(Struct, frozen=True, kw_only=True):
    certificate: str
    bundle: list[str]


def renew_payload(proxy_id: str, csr: str, timestamp: int) -> bytes:
    """The bytes that a renewal signs. ``timestamp`` is Unix seconds; the control plane takes it within 300 s."""
    return b"\x00".join((b"meshui renew", proxy_id.encode(), str(timestamp).encode(), csr.encode()))
