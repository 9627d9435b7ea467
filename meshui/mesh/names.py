"""Names and identities of the mesh: how they are spelled and taken apart."""

from __future__ import annotations

import re
from dataclasses import dataclass

LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
"""Namespaces and services: a DNS label (RFC 1123)."""
VERSION = re.compile(r"[a-z0-9]([-a-z0-9.]{0,61}[a-z0-9])?")
DOMAIN = "mesh"
"""The suffix under which services are called: ``{service}.{namespace}.mesh``."""


@dataclass(frozen=True, slots=True, order=True)
class ServiceName:
    """A service's full name; as a string ``namespace/name``."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"

    @property
    def host(self) -> str:
        """The name by which other services call it."""
        return f"{self.name}.{self.namespace}.{DOMAIN}"

    def identity(self, trust_domain: str) -> str:
        """Its SPIFFE id."""
        return f"spiffe://{trust_domain}/ns/{self.namespace}/svc/{self.name}"

    @classmethod
    def parse(cls, text: str) -> ServiceName:
        """Read ``namespace/name``. Raises ValueError."""
        namespace, slash, name = text.partition("/")
        if not slash or not LABEL.fullmatch(namespace) or not LABEL.fullmatch(name):
            raise ValueError(f"{text!r} is no service name: expected namespace/name")
        return cls(namespace, name)


REGISTRY = ServiceName("meshui", "registry")
"""The control plane's registry, when it asks sidecars whether they are well. Its namespace is nobody else's."""
