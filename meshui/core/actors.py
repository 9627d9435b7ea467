"""Who acts: a person, a token, or a part of the system; and what they may do where."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from meshui.core.errors import NotFound, PermissionDenied

Permission = Literal["view", "catalog.write", "traffic.write", "security.write", "users.write"]
EVERYWHERE = "*"


@dataclass(frozen=True, slots=True)
class Actor:
    """``grants`` maps a namespace, or ``*`` for the whole mesh, to what the actor may do there."""

    name: str
    grants: Mapping[str, frozenset[Permission]] = field(default_factory=dict)
    address: str = ""
    system: bool = False
    approves: str = ""
    """Whose proposal the actor carries out; empty where it acts by itself."""

    def may(self, permission: Permission, namespace: str | None = None) -> bool:
        """Whether the permission holds in the namespace (None: in the whole mesh)."""
        if self.system or permission in self.grants.get(EVERYWHERE, ()):
            return True
        return namespace is not None and permission in self.grants.get(namespace, ())

    def require(self, permission: Permission, namespace: str | None = None) -> None:
        """Raise PermissionDenied unless the permission holds."""
        if not self.may(permission, namespace):
            where = f"in namespace {namespace}" if namespace else "mesh-wide"
            raise PermissionDenied(f"{self.name} lacks {permission} {where}")

    def require_in(self, permission: Permission, namespace: str | None) -> None:
        """Raise PermissionDenied unless it holds in the namespace; for None, in any at all."""
        if namespace is None and any(permission in granted for granted in self.grants.values()):
            return
        self.require(permission, namespace)

    def require_any(self, *permissions: Permission) -> None:
        """Raise PermissionDenied unless one of them holds somewhere."""
        if not self.system and not any(granted & {*permissions} for granted in self.grants.values()):
            raise PermissionDenied(f"{self.name} lacks {' and '.join(permissions)}")

    def require_visible(self, namespace: str) -> None:
        """Raise NotFound where the actor may not view the namespace: it is not told that something is there."""
        if not self.may("view", namespace):
            raise NotFound

    def visible_namespaces(self) -> frozenset[str] | None:
        """The namespaces the actor may view; None means all."""
        return self.namespaces("view")

    def namespaces(self, permission: Permission) -> frozenset[str] | None:
        """Where the permission holds; None means in the whole mesh."""
        if self.may(permission):
            return None
        return frozenset(namespace for namespace, granted in self.grants.items() if permission in granted)


def system(name: str) -> Actor:
    """A part of the control plane acting by itself, such as the registry expiring an instance."""
    return Actor(name=f"system:{name}", system=True)
