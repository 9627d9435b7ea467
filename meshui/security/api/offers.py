"""An authority's certificate as it is sent: what a new root or a new intermediate is to be."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from meshui.core.api.bodies import Body, Reason
from meshui.security.material import MAX_CHARS
from meshui.security.services.incoming import KeyPlace, Offer, Source

DOCUMENTS = ("certificate", "key")
"""The fields that hold text of several lines."""

Pem = Annotated[str, Meta(max_length=MAX_CHARS)]


class OfferBody(Body, frozen=True, kw_only=True):
    """``made`` takes nothing else: keys and certificates are made here. ``imported`` takes the PEM ``certificate`` and
    the CAs above it, the root last, with the PEM ``key`` of the first, or with ``key_place`` external where the program
    of MESHUI_CA_SIGNER has it. ``offline`` takes the certificate that was signed for the request which waits, likewise
    with the CAs above it. Keys are sealed at once and never shown again."""

    source: Source
    certificate: Pem = ""
    key: Pem = ""
    key_place: KeyPlace = "builtin"
    reason: Reason = ""

    @property
    def offer(self) -> Offer:
        return Offer(self.source, self.certificate, self.key, self.key_place)
