"""What the parts of resources share."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

Label = Annotated[str, Meta(pattern=r"^[a-z0-9]([-a-z0-9.]{0,61}[a-z0-9])?$")]
_ZONE = "[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
Locality = Annotated[str, Meta(pattern=rf"^({_ZONE}(/{_ZONE}){{0,3}})?$")]
"""A path such as ``region/zone``, of at most four parts, the widest first; empty: not known."""
Weight = Annotated[int, Meta(ge=1, le=1000)]
"""Of an endpoint among the others of its version."""
Milliseconds = Annotated[int, Meta(ge=1, le=86_400_000)]


class Body(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A part of a resource's body; a field at its default is not written."""
