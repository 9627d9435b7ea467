"""Tokens (JWT, RFC 7519) of requests: where they are, whether they are good, what they claim.

The rules are those of RFC 7515 (compact serialisation), RFC 8725 (best practices) and RFC 6750 section 3.1 (errors).
What a token says of how it is to be verified (``jwk``, ``jku``, ``x5u``, ``x5c``) counts for nothing: keys and
algorithms are the provider's. A token that is not good is refused, one that is absent makes the request anonymous. The
clock is passed in.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, Literal, NoReturn

import msgspec

from proxies.core import fields
from proxies.core.claims import Token, claimed
from proxies.core.errors import BadMessage, Flaw
from proxies.core.head import RequestHead
from proxies.core.keys import read_key
from proxies.core.places import Place, places_of
from proxies.wire.tokens import TokenProvider

MAX_TOKEN: Final = 8 * 1024
"""Bytes of a token; what is longer is refused unread."""
MAX_REMEMBERED: Final = 4 * 1024 * 1024
"""Bytes of good tokens that a verifier remembers. Others make them, so what is full is emptied."""
MAX_TRIED: Final = 4
"""Keys that a token without ``kid`` is tried with."""
TYPES: Final = frozenset(("jwt", "at+jwt"))
"""What ``typ`` may say: other kinds of token are meant for other readers (RFC 8725 section 3.11)."""

Reason = Literal[
    "malformed", "several", "algorithm", "issuer", "audience", "expired", "early", "key", "signature", "absent"
]
Clock = Callable[[], float]
"""Unix seconds."""
_BASE64URL = re.compile(rb"[A-Za-z0-9_-]*").fullmatch
_PRINTABLE = re.compile(rb"[!-~](?:[ -~]*[!-~])?").fullmatch
_MAX_VALUE: Final = 4096


class BadToken(Exception):
    """Why a request may not go on; for logs and counters, never for its sender."""

    def __init__(self, reason: Reason, provider: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.provider = provider


class Verifier:
    """The tokens that one service takes. ``count`` hears of each outcome: the provider where one is known, and
    ``good``, ``absent`` or why it was refused."""

    def __init__(
        self,
        providers: Sequence[TokenProvider],
        required: Sequence[str],
        clock: Clock,
        count: Callable[[str, str], None] = lambda provider, outcome: None,
    ) -> None:
        """A request needs a token of one of ``required``, if there are any. Raises BadMessage for providers that cannot
        be."""
        for flaw in token_flaws(providers, required):
            raise BadMessage(f"{flaw.path}: {flaw.reason}")
        self._providers = {provider.name: _Provider(provider) for provider in providers}
        self._required = frozenset(required)
        self._clock = clock
        self._count = count
        self._places = places_of(providers)
        self._claimed = frozenset(_alike(name.encode()) for each in providers for name in each.claim_headers)
        self._known: dict[tuple[int, bytes], Token] = {}
        self._remembered = 0

    def read(self, head: RequestHead) -> None:
        """Verify the token that a request carries, note it in ``head.token``, and make the head what the app is to see:
        its claims as fields, nobody else's word in these, without the token itself unless it is to go on. Raises
        BadToken."""
        place, text = self._find(head)
        token = None if place is None else self._verified(place, text)
        if self._required and (token is None or token.provider not in self._required):
            self._refuse("absent")
        if self._claimed:
            head.lines[1:] = [line for line in head.lines[1:] if _alike(line.partition(b":")[0]) not in self._claimed]
        head.token = token
        if place is None or token is None:
            self._count("", "absent")
            return
        self._count(token.provider, "good")
        if not self._providers[token.provider].forward:
            place.remove(head)
        head.lines += token.lines

    def _find(self, head: RequestHead) -> tuple[Place | None, bytes]:
        """The one token of a request and its place, None without any. Raises BadToken where there are several: who
        reads another than we do would believe somebody else (RFC 6750 section 2)."""
        where, found = None, b""
        for place in self._places:
            for text in place.find(head):
                if where is not None:
                    self._refuse("several")
                where, found = place, text
        return where, found

    def _verified(self, place: Place, text: bytes) -> Token:
        now = self._clock()
        key = (place.number, text)
        token = self._known.get(key)
        if token is not None and now < token.until:
            return token
        try:
            token = verify(text, [self._providers[name] for name in place.providers], now)
        except BadToken as error:
            self._refuse(error.reason, error.provider)
        if self._remembered + len(text) > MAX_REMEMBERED:
            self._known.clear()
            self._remembered = 0
        self._remembered += len(text)
        self._known[key] = token
        return token

    def _refuse(self, reason: Reason, provider: str = "") -> NoReturn:
        self._count(provider, reason)
        raise BadToken(reason, provider)


class _Provider:
    """A provider, compiled."""

    def __init__(self, spec: TokenProvider) -> None:
        self.name = spec.name
        self.issuer = spec.issuer
        self.forward = spec.forward
        self._audiences = frozenset(spec.audiences)
        self._algorithms = frozenset(spec.algorithms)
        self._skew_s = spec.skew_s
        self._keys = [read_key(key) for key in spec.keys]
        self._claim_headers = [(name.encode(), claim) for name, claim in sorted(spec.claim_headers.items())]

    def check(self, header: Mapping[str, Any], claims: Mapping[str, Any], now: float) -> float:
        """All but the signature; when the token ends, skew included. Raises BadToken."""
        if header.get("alg") not in self._algorithms:
            raise BadToken("algorithm", self.name)
        if self._audiences and self._audiences.isdisjoint(_audiences(claims.get("aud"))):
            raise BadToken("audience", self.name)
        end, start = _seconds(claims.get("exp")), _seconds(claims.get("nbf", 0))
        if end is None or start is None:
            raise BadToken("malformed", self.name)
        if end + self._skew_s <= now:
            raise BadToken("expired", self.name)
        if start - self._skew_s > now:
            raise BadToken("early", self.name)
        return end + self._skew_s

    def check_signature(self, header: Mapping[str, Any], signed: bytes, signature: bytes) -> None:
        """Raises BadToken."""
        algorithm, kid = str(header["alg"]), header.get("kid")
        fitting = [key for key in self._keys if key.fits(algorithm) and (kid is None or key.kid == kid)]
        if not fitting or (kid is None and len(fitting) > MAX_TRIED):
            raise BadToken("key", self.name)
        if not any(key.signed(algorithm, signed, signature) for key in fitting):
            raise BadToken("signature", self.name)

    def lines(self, claims: Mapping[str, Any]) -> list[bytes]:
        """The fields that tell an app of claims; none of what no field can say."""
        lines = []
        for name, claim in self._claim_headers:
            value = b",".join(claimed(claims, claim))
            if len(value) <= _MAX_VALUE and _PRINTABLE(value):
                lines.append(b"%b: %b" % (name, value))
        return lines


def verify(text: bytes, providers: Sequence[_Provider], now: float) -> Token:
    """The token that this is, of one of the providers. Raises BadToken."""
    header, claims, signed, signature = _read(text)
    issuer = claims.get("iss")
    last = BadToken("issuer")
    for provider in providers:
        if provider.issuer != issuer:
            continue
        try:
            until = provider.check(header, claims, now)
            provider.check_signature(header, signed, signature)
        except BadToken as error:
            last = error
        else:
            return Token(provider.name, claims, until, provider.lines(claims))
    raise last


def _read(text: bytes) -> tuple[Mapping[str, Any], Mapping[str, Any], bytes, bytes]:
    """Header, claims, what is signed, the signature. Raises BadToken."""
    parts = text.split(b".")
    if len(text) > MAX_TOKEN or len(parts) != 3:
        raise BadToken("malformed")
    header, claims = _object(parts[0]), _object(parts[1])
    kind = header.get("typ", "JWT")
    if "crit" in header or not isinstance(kind, str):  # an extension that must be understood, and none is
        raise BadToken("malformed")
    if kind.lower().removeprefix("application/") not in TYPES or not isinstance(header.get("kid", ""), str):
        raise BadToken("malformed")
    return header, claims, text[: len(text) - len(parts[2]) - 1], _bytes(parts[2])


def _object(part: bytes) -> Mapping[str, Any]:
    try:
        return msgspec.json.decode(_bytes(part), type=dict[str, Any])
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise BadToken("malformed") from None


def _bytes(part: bytes) -> bytes:
    """Base64url as RFC 7515 section 2 has it: unpadded, and spelled in the one way there is."""
    if not _BASE64URL(part) or len(part) % 4 == 1:
        raise BadToken("malformed")
    data = urlsafe_b64decode(part + b"=" * (-len(part) % 4))
    if urlsafe_b64encode(data).rstrip(b"=") != part:
        raise BadToken("malformed")
    return data


def _audiences(value: object) -> list[str]:
    return [each for each in (value if isinstance(value, list) else [value]) if isinstance(each, str)]


def _seconds(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e15:
        return None
    return float(value)


def _alike(name: bytes) -> bytes:
    """A field's name as apps see it that keep fields as variables: ``X_User`` is ``x-user`` to them."""
    return name.lower().replace(b"_", b"-")


# --- what is wrong with providers


def token_flaws(providers: Sequence[TokenProvider], required: Sequence[str] = ()) -> Iterator[Flaw]:
    """What cannot be; paths as ``providers.0.keys.1``."""
    names = [provider.name for provider in providers]
    for index, provider in enumerate(providers):
        if names.count(provider.name) > 1:
            yield Flaw(f"providers.{index}.name", "duplicate", f"{provider.name!r} stands there twice")
        for flaw in provider_flaws(provider):
            yield flaw._replace(path=f"providers.{index}.{flaw.path}")
    for index, name in enumerate(required):
        if name not in names:
            yield Flaw(f"token_required.{index}", "unknown_provider", f"{name!r} is no provider here")


def provider_flaws(provider: TokenProvider) -> Iterator[Flaw]:
    """The same of one; paths as ``keys.1``."""
    for index, key in enumerate(provider.keys):
        try:
            read_key(key)
        except BadMessage as error:
            yield Flaw(f"keys.{index}", "invalid", error.reason)
    if not (provider.headers or provider.cookies or provider.query):
        yield Flaw("headers", "required", "a token comes in a header, a cookie or the query")
    for index, header in enumerate(provider.headers):
        if not fields.may_be_set(header.name):
            yield Flaw(f"headers.{index}.name", "forbidden", f"{header.name} is no field for a token")
    for name in provider.claim_headers:
        if not fields.may_be_set(name) or name in ("authorization", "cookie"):
            yield Flaw(f"claim_headers.{name}", "forbidden", f"{name} is not to be set to a claim")
