"""From a user's roles to an actor: what each role may do, where."""

from __future__ import annotations

from collections.abc import Mapping

from meshui.accounts.models import RoleGrant, User
from meshui.core.actors import EVERYWHERE, Actor, Permission

PERMISSIONS: Mapping[str, frozenset[Permission]] = {
    RoleGrant.Role.VIEWER: frozenset({"view"}),
    RoleGrant.Role.OPERATOR: frozenset({"view", "traffic.write", "catalog.write"}),
    RoleGrant.Role.SECURITY: frozenset({"view", "security.write"}),
    RoleGrant.Role.ADMIN: frozenset({"view", "traffic.write", "catalog.write", "security.write", "users.write"}),
}


def actor_of(user: User, address: str = "") -> Actor:
    """The actor that a user is now; one query. Roles changed later show at the next request."""
    grants: dict[str, frozenset[Permission]] = {}
    if user.is_superuser:
        grants[EVERYWHERE] = PERMISSIONS[RoleGrant.Role.ADMIN]
    for grant in user.grants.all():
        where = grant.namespace or EVERYWHERE
        grants[where] = grants.get(where, frozenset()) | PERMISSIONS[grant.role]
    return Actor(name=user.username, grants=grants, address=address)
