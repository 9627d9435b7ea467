"""Fields that several bodies of the registry share."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from meshui.core.api.bodies import PRINTABLE
from meshui.mesh.names import LABEL, VERSION

Label = Annotated[str, Meta(pattern=f"^{LABEL.pattern}$", max_length=63)]
VersionLabel = Annotated[str, Meta(pattern=f"^{VERSION.pattern}$", max_length=63)]
ServiceId = Annotated[str, Meta(pattern=f"^{LABEL.pattern}/{LABEL.pattern}$", description="namespace/name")]
Search = Annotated[str, Meta(max_length=100)]
NamespaceFilter = Annotated[str, Meta(max_length=63)]
MetadataKey = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,127}$")]
MetadataText = Annotated[str, Meta(max_length=512, pattern=PRINTABLE)]
Metadata = Annotated[dict[MetadataKey, MetadataText], Meta(max_length=64, description="Text by text, at most 64.")]
