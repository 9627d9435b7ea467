"""Users and the roles they hold. Only who may write users mesh-wide comes in here."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError

from meshui.accounts.models import RoleGrant, User
from meshui.accounts.selectors import get_user, grants_of, user_version
from meshui.core.actors import Actor, system
from meshui.core.commits import Outcome, commit
from meshui.core.errors import Conflict, FieldError, InvalidInput
from meshui.core.versions import expect


@dataclass(frozen=True, slots=True, order=True)
class Grant:
    """A role in a namespace; mesh-wide where it is empty."""

    role: str
    namespace: str = ""


def user_create(
    *,
    actor: Actor,
    username: str,
    password: str,
    email: str = "",
    roles: Collection[Grant] = (),
    reason: str = "",
    dry_run: bool = False,
) -> Outcome[User]:
    """Raises PermissionDenied, InvalidInput (name, password, email, a role), Conflict (the name is taken)."""
    actor.require("users.write")
    user = User(username=username, email=email)
    _check(user, password)
    user.set_password(password)
    with commit(actor=actor, action="user.create", obj=f"user:{username}", reason=reason, dry_run=dry_run) as change:
        if User.objects.filter(username=username).exists():
            raise Conflict(f"user {username} exists")
        user.save(force_insert=True)
        _grant(user, roles)
        change.summary = f"created user {username}"
        change.after = _shown(user, roles)
        user = get_user(username)
    return Outcome(user, change.revision)


def user_update(
    *,
    actor: Actor,
    username: str,
    password: str | None = None,
    email: str | None = None,
    roles: Collection[Grant] | None = None,
    reason: str = "",
    expected_version: str | None = None,
    dry_run: bool = False,
) -> Outcome[User]:
    """Change what is not None. A new password ends the user's sessions.

    Raises PermissionDenied, NotFound, Stale, InvalidInput, Conflict (nobody could administer users any more).
    """
    actor.require("users.write")
    with commit(actor=actor, action="user.update", obj=f"user:{username}", reason=reason, dry_run=dry_run) as change:
        user = get_user(username)
        expect(expected_version, user_version(user))
        before = _shown(user, _grants(user))
        if email is not None:
            user.email = email
        _check(user, password)
        if password is not None:
            user.set_password(password)
        user.save()
        if roles is not None:
            RoleGrant.objects.filter(user=user).delete()
            _grant(user, roles)
        _keep_an_admin()
        user = get_user(username)
        after = _shown(user, _grants(user))
        if after == before and password is None:
            change.unchanged()
        change.before, change.after = before, after
        changed = [name for name in after if after[name] != before[name]]
        change.summary = "changed " + ", ".join(changed + (["password"] if password is not None else []))
    return Outcome(user, change.revision)


def user_delete(
    *, actor: Actor, username: str, reason: str = "", expected_version: str | None = None, dry_run: bool = False
) -> int | None:
    """Delete a user with their tokens; the revision. Raises PermissionDenied, NotFound, Stale, Conflict."""
    actor.require("users.write")
    with commit(actor=actor, action="user.delete", obj=f"user:{username}", reason=reason, dry_run=dry_run) as change:
        user = get_user(username)
        expect(expected_version, user_version(user))
        change.summary = f"deleted user {username}"
        change.before = _shown(user, _grants(user))
        user.delete()
        _keep_an_admin()
    return change.revision


def admin_ensure(username: str, password: str) -> User:
    """A superuser of that name and password, made or mended; changes nothing where there is one. For set-up."""
    user = User.objects.filter(username=username).first()
    if user is not None and user.is_superuser and user.is_active and user.check_password(password):
        return user
    with commit(actor=system("setup"), action="user.ensure", obj=f"user:{username}") as change:
        user = user or User(username=username)
        user.is_superuser = user.is_active = True
        user.set_password(password)
        user.save()
        change.summary = f"{username} administers the mesh"
    return user


def _check(user: User, password: str | None) -> None:
    try:
        user.clean_fields(exclude=["password"])
    except ValidationError as error:
        raise InvalidInput(
            "invalid user",
            errors=[FieldError(name, "invalid", " ".join(texts)) for name, texts in error.message_dict.items()],
        ) from None
    if password is None:
        return
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise InvalidInput.field("password", "weak_password", " ".join(error.messages)) from None


def _grant(user: User, roles: Iterable[Grant]) -> None:
    for index, grant in enumerate(roles):
        if grant.role not in RoleGrant.Role.values:
            raise InvalidInput.field(f"roles.{index}.role", "invalid", f"no role {grant.role!r}")
    # A namespace need not exist yet: a team's people may be there before its services.
    RoleGrant.objects.bulk_create(
        RoleGrant(user=user, role=grant.role, namespace=grant.namespace) for grant in sorted(set(roles))
    )


def _grants(user: User) -> list[Grant]:
    return [Grant(grant.role, grant.namespace) for grant in grants_of(user)]


def _keep_an_admin() -> None:
    """Raise Conflict where the change would leave nobody who may write users."""
    able = User.objects.filter(is_active=True)
    if able.filter(is_superuser=True).exists():
        return
    if not able.filter(grants__role=RoleGrant.Role.ADMIN, grants__namespace="").exists():
        raise Conflict("nobody would be left who may administer users", code="last_admin")


def _shown(user: User, roles: Iterable[Grant]) -> dict[str, object]:
    return {
        "email": user.email,
        "roles": [{"role": grant.role, "namespace": grant.namespace or None} for grant in sorted(roles)],
    }
