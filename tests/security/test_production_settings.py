"""What a deployment refuses to start with, and what it does not tell: real processes in production mode."""

from __future__ import annotations

import base64
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.conformance.harness import Conversation, Response
from tests.support.production import ROOT, Web, production, web

ZEROS = base64.b64encode(bytes(32)).decode()


def started(**changes: str) -> subprocess.CompletedProcess[str]:
    """A control plane's process that reads its settings and ends."""
    told = "from django.conf import settings as s; print(s.DEBUG, s.SESSION_COOKIE_SECURE, s.SECURE_HSTS_SECONDS)"
    return subprocess.run(
        [sys.executable, "-c", told], cwd=ROOT, env=production(**changes), capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"MESHUI_SECRET_KEY": ""},
        {"MESHUI_CA_KEY": ""},
        {"MESHUI_REPORT_KEY": ""},
        {"DATABASE_URL": ""},
        {"REDIS_URL": ""},
        {"MESHUI_SECRET_KEY": "changeme"},
        {"MESHUI_SECRET_KEY": "x" * 64},
        {"MESHUI_CA_KEY": ZEROS},
        {"MESHUI_REPORT_KEY": ZEROS},
        {"MESHUI_CA_KEY": base64.b64encode(b"short").decode()},
        {"MESHUI_ENV": "debug"},
    ],
)
def test_nothing_starts_without_secrets_of_its_own(servers: object, changes: dict[str, str]) -> None:
    (name,) = changes
    refused = started(**changes)
    assert refused.returncode != 0
    assert f"ImproperlyConfigured: {name}" in refused.stderr
    value = changes[name]
    assert not value or value not in refused.stderr or name == "MESHUI_ENV", "a secret is not told"


@pytest.mark.parametrize("variable", ["DEBUG", "DJANGO_DEBUG", "MESHUI_DEBUG"])
def test_no_variable_turns_debugging_on(servers: object, variable: str) -> None:
    assert started(**{variable: "1"}).stdout.split() == ["False", "False", "0"]


def test_behind_https_cookies_and_browsers_keep_to_it(servers: object) -> None:
    assert started(MESHUI_HTTPS="1").stdout.split() == ["False", "True", "31536000"]


@pytest.fixture(scope="module")
def deployed(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    with web(tmp_path_factory.mktemp("production"), MESHUI_HTTPS="1") as running:
        yield running


def ask(deployed: Web, target: str, *lines: str, method: str = "GET", body: bytes = b"") -> Response:
    """One request, as TLS's end in front of it sends it."""
    fields = ["x-forwarded-proto: https", "connection: close", f"content-length: {len(body)}", *lines]
    if not any(line.lower().startswith("host:") for line in lines):
        fields.append(f"host: 127.0.0.1:{deployed.port}")
    with Conversation.to(deployed.port) as client:
        client.send("\r\n".join([f"{method} {target} HTTP/1.1", *fields, "", ""]).encode() + body)
        return client.read_response()


@pytest.mark.parametrize("target", ["/api/v1/nothing/", "/api/v1/demo/shop/catalog/v1/", "/api/v1/users/", "/static/x"])
def test_errors_tell_nothing_of_the_inside(deployed: Web, target: str) -> None:
    answer = ask(deployed, target)
    assert answer.status in (401, 404)
    for inside in (b"Traceback", b"settings", b"urlpatterns", b"DEBUG", str(ROOT).encode()):
        assert inside not in answer.body


def test_the_demos_knobs_are_not_there(deployed: Web) -> None:
    assert ask(deployed, "/api/v1/demo/shop/catalog/v1/").status == 404


def test_another_host_is_refused(deployed: Web) -> None:
    """So that no link in an answer leads to whoever a request says we are."""
    assert ask(deployed, "/api/v1/auth/methods/", "host: evil.example").status == 400
    assert ask(deployed, "/api/v1/auth/methods/", "x-forwarded-host: evil.example").status == 200


def test_pages_carry_what_browsers_keep_to(deployed: Web) -> None:
    for target in ("/api/v1/auth/methods/", "/"):
        headers = ask(deployed, target).headers
        policy = headers["content-security-policy"]
        assert "default-src 'self'" in policy or "default-src 'none'" in policy
        assert "unsafe-eval" not in policy
        scripts = [part for part in policy.split(";") if part.strip().startswith("script-src")]
        assert not any("unsafe-inline" in part for part in scripts)
        assert headers["x-frame-options"] == "DENY"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["strict-transport-security"].startswith("max-age=31536000")
        assert headers["referrer-policy"] == "same-origin"
