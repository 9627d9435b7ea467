"""Spellings of a path or a host that should go around a policy, or past a route, and do not."""

from __future__ import annotations

import pytest

from tests.conformance.guarded import Guarded, allow, deny


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/admin/x", 403),
        ("//admin/x", 403),
        ("/./admin/x", 403),
        ("/x/../admin/x", 403),
        ("/%61dmin/x", 403),
        ("/admin//x?y", 403),
        ("/x/%2E%2E/admin/x", 403),
        ("http://a/admin/x", 403),
        ("/x%2F..%2Fadmin/x", 400),
        ("/x%5C..%5Cadmin/x", 400),
        ("/x\\..\\admin/x", 400),
        ("/x/..;/admin/x", 400),
        ("/x%00/admin/x", 400),
        ("/x#/../admin/x", 400),
        ("/%2561dmin/x", 200),
        ("/administrator", 200),
        ("/ADMIN/x", 200),
    ],
)
def test_no_spelling_of_a_path_goes_around_a_deny(guarded: Guarded, target: str, status: int) -> None:
    guarded.receive(deny({"operation": {"paths": ["/admin", "/admin/*"]}}))
    assert guarded.call(target).status == status


@pytest.mark.parametrize(
    ("host", "status"),
    [("admin.example", 403), ("ADMIN.Example", 403), ("admin.example:8080", 403), ("admin.example.", 403), ("b", 200)],
)
def test_no_spelling_of_a_host_goes_around_a_deny(guarded: Guarded, host: str, status: int) -> None:
    guarded.receive(deny({"operation": {"hosts": ["admin.example"]}}))
    assert guarded.call(fields=f"host: {host}\r\n").status == status


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/public/x", 200),
        ("/public/../admin", 403),
        ("/public/%2e%2e/admin", 403),
        ("/public/.%2E/admin", 403),
        ("//public/../admin", 403),
        ("/publicity", 403),
        ("/public/..%2fadmin", 400),
        ("/public/..%5cadmin", 400),
        ("/public/..;/admin", 400),
        ("/public/..;x=y/admin", 400),
        ("/admin#/public/x", 400),
        ("/admin%00/public/x", 400),
        ("/admin?/public/x", 403),
    ],
)
def test_no_spelling_of_a_path_earns_an_allow(guarded: Guarded, target: str, status: int) -> None:
    guarded.receive(allow({"operation": {"paths": ["/public/*"]}}))
    assert guarded.call(target).status == status


@pytest.mark.parametrize(
    ("host", "status"),
    [("api.example", 200), ("a.api.example", 403), ("api.example.evil", 403), ("evilapi.example", 403), ("api", 403)],
)
def test_no_longer_host_earns_an_allow(guarded: Guarded, host: str, status: int) -> None:
    guarded.receive(allow({"operation": {"hosts": ["api.example"]}}))
    assert guarded.call(fields=f"host: {host}\r\n").status == status


def test_a_wildcard_ends_at_a_dot(guarded: Guarded) -> None:
    guarded.receive(allow({"operation": {"hosts": ["*.example"]}}))
    assert guarded.call(fields="host: a.example\r\n").status == 200
    assert guarded.call(fields="host: evilexample\r\n").status == 403
    assert guarded.call(fields="host: example\r\n").status == 403


def test_a_dot_in_a_policy_is_a_dot(guarded: Guarded) -> None:
    """And no regular expression's any character, nor is anything else in it one."""
    guarded.receive(allow({"operation": {"hosts": ["api.example"], "paths": ["/v1.0/(x|y)", "/v1.0/[a-z]+"]}}))
    host = "host: api.example\r\n"
    assert guarded.call("/v1.0/(x|y)", fields=host).status == 200
    for target in ("/v1X0/(x|y)", "/v1.0/x", "/v1.0/abc"):
        assert guarded.call(target, fields=host).status == 403, target
    assert guarded.call("/v1.0/(x|y)", fields="host: apiXexample\r\n").status == 403
