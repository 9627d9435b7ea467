"""The one rule of health, by table."""

from __future__ import annotations

import pytest

from meshui.telemetry.health import Troubled, headline, judge


@pytest.mark.parametrize(
    ("requests", "errors", "client_errors", "health", "reason"),
    [
        (0, 0, 0, "idle", "no requests"),
        (1, 1, 0, "unknown", "1 request, too few to judge"),
        (19, 19, 0, "unknown", "19 requests, too few to judge"),
        (20, 0, 0, "healthy", "no errors over 20 requests"),
        (20, 2, 0, "failing", "10 % errors over 20 requests"),
        (100, 9, 0, "degraded", "9.0 % errors over 100 requests"),
        (1000, 1, 0, "degraded", "0.10 % errors over 1,000 requests"),
        (10_000, 9, 0, "healthy", "0.09 % errors over 10,000 requests"),
        (100, 0, 9, "healthy", "no errors over 100 requests"),
        (100, 0, 10, "degraded", "10 % responses 4xx over 100 requests"),
        (100, 0, 20, "failing", "20 % responses 4xx over 100 requests"),
        (100, 1, 20, "failing", "20 % responses 4xx over 100 requests"),
        (100, 10, 20, "failing", "10 % errors over 100 requests"),
    ],
)
def test_an_edge_is_judged(requests: int, errors: int, client_errors: int, health: str, reason: str) -> None:
    assert judge(requests, errors, client_errors) == (health, reason)


BAD = Troubled("shop/checkout", "shop/payments", "failing", "12 % errors over 120 requests", 0.12)
WORSE = Troubled("shop/cart", "shop/users", "failing", "50 % errors over 40 requests", 0.5)
MEDIOCRE = Troubled("shop/a", "shop/b", "degraded", "1.0 % errors over 100 requests", 0.01)


@pytest.mark.parametrize(
    ("edges", "troubled", "sentence"),
    [
        (0, [], "No traffic"),
        (11, [], "All 11 edges healthy"),
        (11, [MEDIOCRE], "1 of 11 edges degraded: shop/a → shop/b, 1.0 % errors over 100 requests"),
        (11, [MEDIOCRE, BAD], "1 of 11 edges failing: shop/checkout → shop/payments, 12 % errors over 120 requests"),
        (11, [BAD, WORSE], "2 of 11 edges failing: shop/cart → shop/users, 50 % errors over 40 requests"),
    ],
)
def test_the_headline_names_the_worst(edges: int, troubled: list[Troubled], sentence: str) -> None:
    assert headline(edges, troubled) == sentence
