"""What the parts of resources share."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

Label = Annotated[str, Meta(pattern=r"^[a-z0-9]([-a-z0-9.]{0,61}[a-z0-9])?$")]
Milliseconds = Annotated[int, Meta(ge=1, le=86_400_000)]


class Body(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A part of a resource's body; a field at its default is not written."""
