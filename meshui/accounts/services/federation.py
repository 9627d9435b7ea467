"""Who an OpenID Connect provider's claims make of somebody: a user, made at the first sign-in, and their roles."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from meshui.accounts.models import Federated, RoleGrant, User
from meshui.accounts.provider import SingleSignOn
from meshui.accounts.selectors import grants_of
from meshui.accounts.services.users import Grant
from meshui.core.actors import system
from meshui.core.commits import commit
from meshui.core.errors import Conflict, PermissionDenied

ACTOR = system("single sign-on")
_NO_NAME = re.compile(r"[^A-Za-z0-9_@.+-]+")


def user_of_claims(claims: Mapping[str, Any], sso: SingleSignOn) -> User:
    """The user of verified claims. Where groups decide, the roles are brought in line with them.

    Raises PermissionDenied (``inactive``; ``no_role``: none of the groups has one), Conflict (``name_taken``: a user of
    that name signs in otherwise; taking them over by name would let the provider's users become anybody).
    """
    subject = str(claims["sub"])
    known = Federated.objects.select_related("user").filter(issuer=sso.issuer, subject=subject).first()
    if known is not None and not known.user.is_active:
        raise PermissionDenied("the user is switched off", code="inactive")
    roles = _roles(claims, sso) if sso.roles else None
    if roles is not None and not roles:
        raise PermissionDenied("none of the groups has a role here", code="no_role")
    user = known.user if known is not None else _create(_name(claims), _email(claims), sso, subject)
    if roles is not None:
        _hold(user, roles)
    return user


def _create(username: str, email: str, sso: SingleSignOn, subject: str) -> User:
    with commit(actor=ACTOR, action="user.create", obj=f"user:{username}") as change:
        if User.objects.filter(username=username).exists():
            raise Conflict(f"a user {username} signs in otherwise", code="name_taken")
        user = User(username=username, email=email)
        user.set_unusable_password()
        user.save(force_insert=True)
        Federated.objects.create(user=user, issuer=sso.issuer, subject=subject)
        change.summary = f"{username} came by single sign-on"
        change.after = {"email": email, "issuer": sso.issuer, "subject": subject}
    return user


def _hold(user: User, roles: frozenset[Grant]) -> None:
    """Make the roles those of the groups."""
    before = {Grant(grant.role, grant.namespace) for grant in grants_of(user)}
    if before == roles:
        return
    with commit(actor=ACTOR, action="user.update", obj=f"user:{user.username}") as change:
        RoleGrant.objects.filter(user=user).delete()
        RoleGrant.objects.bulk_create(
            RoleGrant(user=user, role=grant.role, namespace=grant.namespace) for grant in sorted(roles)
        )
        change.summary = "changed roles, as the groups say"
        change.before, change.after = {"roles": _shown(before)}, {"roles": _shown(roles)}


def _roles(claims: Mapping[str, Any], sso: SingleSignOn) -> frozenset[Grant]:
    told = claims.get(sso.groups_claim)
    groups = {told} if isinstance(told, str) else set(map(str, told)) if isinstance(told, list) else set()
    return frozenset(Grant(each.role, each.namespace) for each in sso.roles if each.group in groups)


def _name(claims: Mapping[str, Any]) -> str:
    """What they are called here: their name there, else their address, else the subject."""
    for claim in ("preferred_username", "email", "sub"):
        name = _NO_NAME.sub("-", str(claims.get(claim) or "")).strip("-")[:150]
        if name:
            return name
    return "unnamed"


def _email(claims: Mapping[str, Any]) -> str:
    """Their address, where the provider vouches for it."""
    email = str(claims.get("email") or "")
    return email if claims.get("email_verified") is True and len(email) <= 254 else ""


def _shown(grants: frozenset[Grant] | set[Grant]) -> list[dict[str, str | None]]:
    return [{"role": grant.role, "namespace": grant.namespace or None} for grant in sorted(grants)]
