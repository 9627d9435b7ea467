"""Users and roles: who may administer them, and what each role may do."""

from __future__ import annotations

from typing import Any

import pytest

from meshui.accounts.actors import actor_of
from meshui.accounts.models import User
from meshui.accounts.services import admin_ensure
from meshui.core.models import Change
from tests.support.api import Api, everything, make_user

BODY = {"username": "eve", "password": "long enough to pass", "email": "eve@example.org"}


def test_a_user_is_made_with_roles(admin: Api) -> None:
    roles = [{"role": "operator", "namespace": "shop"}, {"role": "viewer", "namespace": None}]
    made = admin.post("users/", BODY | {"roles": roles})
    assert made.status == 201
    assert made.body["roles"] == [{"role": "viewer", "namespace": None}, {"role": "operator", "namespace": "shop"}]
    assert admin.get("users/eve/").etag == made.etag
    assert "password" not in made.body
    assert BODY["password"] not in str(Change.objects.values())


@pytest.mark.parametrize(
    ("role", "permissions"),
    [
        ("viewer", {"view"}),
        ("operator", {"view", "traffic.write", "catalog.write"}),
        ("security", {"view", "security.write"}),
        ("admin", {"view", "traffic.write", "catalog.write", "security.write", "users.write"}),
    ],
)
def test_a_role_holds_where_it_was_granted(db: None, role: str, permissions: set[str]) -> None:
    actor = actor_of(make_user("eve", (role, "shop")))
    assert actor.grants == {"shop": permissions}
    assert actor.may("view", "shop")
    assert not actor.may("view", "bank")
    assert not actor.may("view")
    assert actor.visible_namespaces() == {"shop"}


def test_an_administrator_of_one_namespace_administers_no_users(outsider: Api) -> None:
    before = everything()
    assert outsider.get("users/").status == 403
    assert outsider.post("users/", BODY).status == 403
    assert outsider.call("PATCH", "users/otto/", {"roles": [{"role": "admin"}]}, If_Match="*").status == 403
    assert everything() == before


@pytest.mark.parametrize(
    ("change", "paths"),
    [
        ({"password": "short"}, {"password": "invalid"}),
        ({"password": "1234567890"}, {"password": "weak_password"}),
        ({"email": "no address"}, {"email": "invalid"}),
        ({"username": "a b"}, {"username": "invalid"}),
        ({"roles": [{"role": "king"}]}, {"roles.0.role": "invalid"}),
        ({"is_superuser": True}, {"is_superuser": "unknown_field"}),
    ],
)
def test_a_bad_user_is_refused(admin: Api, change: dict[str, Any], paths: dict[str, str]) -> None:
    count = User.objects.count()
    assert admin.post("users/", BODY | change).paths() == paths
    assert User.objects.count() == count


def test_what_a_patch_leaves_out_stays(admin: Api) -> None:
    admin.post("users/", BODY | {"roles": [{"role": "viewer", "namespace": "shop"}]})
    done = admin.change("PATCH", "users/eve/", {"email": "new@example.org"})
    assert (done.status, done.body["email"]) == (200, "new@example.org")
    assert done.body["roles"] == [{"role": "viewer", "namespace": "shop"}]
    assert admin.change("PATCH", "users/eve/", {"roles": []}).body["roles"] == []


def test_a_name_that_is_taken(admin: Api) -> None:
    admin.post("users/", BODY)
    assert admin.post("users/", BODY).status == 409


def test_a_dry_run_makes_no_user(admin: Api) -> None:
    made = admin.post("users/?dry_run=true", BODY)
    assert (made.status, made.body["revision"]) == (201, None)
    assert not User.objects.filter(username="eve").exists()


def test_a_deleted_user_is_out(admin: Api) -> None:
    admin.post("users/", BODY)
    assert admin.change("DELETE", "users/eve/?reason=left").status == 204
    assert admin.get("users/eve/").status == 404
    assert Change.objects.latest("id").reason == "left"


def test_the_last_administrator_stays(admin: Api) -> None:
    refused = admin.change("DELETE", "users/root/")
    assert (refused.status, refused.body["code"]) == (409, "last_admin")
    assert admin.get("users/root/").status == 200


def test_admin_ensure_may_be_called_again(db: None) -> None:
    first = admin_ensure("root", "a-long-password")
    changes = Change.objects.count()
    assert admin_ensure("root", "a-long-password") == first
    assert Change.objects.count() == changes
    admin_ensure("root", "another-long-password")
    assert User.objects.get(username="root").check_password("another-long-password")
