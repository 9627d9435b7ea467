"""How roles are shown."""

from __future__ import annotations

from typing import Literal

from meshui.accounts.models import User
from meshui.accounts.selectors import grants_of
from meshui.core.api.bodies import View

Role = Literal["viewer", "operator", "security", "admin"]


class RoleView(View, frozen=True, kw_only=True):
    """A role in a namespace; null is the whole mesh."""

    role: str
    namespace: str | None


def role_views(user: User) -> list[RoleView]:
    return [RoleView(role=grant.role, namespace=grant.namespace or None) for grant in grants_of(user)]
