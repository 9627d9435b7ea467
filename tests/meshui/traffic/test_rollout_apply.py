"""What a rollout does to a service's traffic: one revision, alone in charge, and nothing left behind."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from meshui.catalog.models import Service
from meshui.catalog.services import service_delete
from meshui.core.actors import Actor
from meshui.core.errors import Conflict, InvalidInput
from meshui.core.models import Change, Outbox
from meshui.core.reverts import change_revert
from meshui.core.selectors import get_change
from meshui.mesh.values import DEFAULT_ROUTES, HeaderMatch, Mirror, Overlay, PathMatch, RateLimit, RouteMatch
from meshui.traffic.models import TrafficRules
from meshui.traffic.selectors import overlay_of, owner_of, split_of
from meshui.traffic.services import (
    limits_set,
    rollout_apply,
    routes_set,
    split_set,
    version_remove,
)
from meshui.traffic.simulation import Asked, simulate
from tests.support.api import everything

BETA = Overlay(canary="v2", matches=[RouteMatch(headers=[HeaderMatch(name="x-beta", kind="present")])])
OWNER = "rollout:7"


def apply(root: Actor, owner: str = OWNER, overlay: Overlay | None = BETA, canary: int = 5) -> int | None:
    weights = {"v1": 100 - canary, "v2": canary}
    return rollout_apply(actor=root, service="shop/catalog", owner=owner, weights=weights, overlay=overlay)


def fresh() -> Service:
    return Service.objects.get(namespace__name="shop", name="catalog")


def test_weights_overlay_and_owner_are_one_revision(catalog: Service, root: Actor) -> None:
    Outbox.objects.all().delete()
    revision = apply(root)
    assert split_of(fresh()) == {"v1": 95, "v2": 5}
    assert (overlay_of(fresh()), owner_of(fresh())) == (BETA, OWNER)
    assert [(o.revision, o.kind, o.name) for o in Outbox.objects.all()] == [(revision, "service", "shop/catalog")]
    change = Change.objects.get(revision_id=revision)
    assert change.summary == "v1 100 -> 95, v2 0 -> 5, overlay set, taken by rollout:7"
    assert (change.before["weights"], change.after["weights"]) == ({"v1": 100, "v2": 0}, {"v1": 95, "v2": 5})


def test_the_same_again_is_no_revision(catalog: Service, root: Actor) -> None:
    apply(root)
    before = everything()
    assert apply(root) is None
    assert everything() == before


EDITS: dict[str, Callable[[Actor], object]] = {
    "split": lambda root: split_set(actor=root, service="shop/catalog", weights={"v1": 100}),
    "routes": lambda root: routes_set(actor=root, service="shop/catalog", routes=DEFAULT_ROUTES),
    "version": lambda root: version_remove(actor=root, service="shop/catalog", version="v2"),
    "service": lambda root: service_delete(actor=root, service="shop/catalog"),
    "another rollout": lambda root: apply(root, owner="rollout:8"),
    "a dry run": lambda root: split_set(actor=root, service="shop/catalog", weights={"v1": 100}, dry_run=True),
}


@pytest.mark.parametrize("edit", EDITS)
def test_while_it_has_an_owner_nobody_else_changes_what_leads_to_versions(
    catalog: Service, root: Actor, edit: str
) -> None:
    apply(root)
    before = everything()
    with pytest.raises(Conflict) as refused:
        EDITS[edit](root)
    assert (refused.value.code, "rollout" in refused.value.detail) == ("owned_by_rollout", True)
    assert "7" in refused.value.detail
    assert everything() == before


def test_nor_does_a_revert(catalog: Service, root: Actor) -> None:
    revision = split_set(actor=root, service="shop/catalog", weights={"v1": 50, "v2": 50}).revision
    split_set(actor=root, service="shop/catalog", weights={"v1": 100})
    apply(root)
    change = Change.objects.get(revision_id=revision)
    with pytest.raises(Conflict) as refused:
        change_revert(actor=root, change_id=get_change(root, change.pk).pk)
    assert refused.value.code == "owned_by_rollout"


def test_limits_and_resilience_stay_the_teams(catalog: Service, root: Actor) -> None:
    apply(root)
    limit = RateLimit(name="all", requests=5, per_ms=1000)
    assert limits_set(actor=root, service="shop/catalog", limits=[limit]).revision is not None
    assert overlay_of(fresh()) == BETA


def test_release_clears_the_owner_and_leaves_the_routes_as_they_were(catalog: Service, root: Actor) -> None:
    apply(root)
    rollout_apply(actor=root, service="shop/catalog", owner=OWNER, weights={"v1": 100}, overlay=None, release=True)
    rules = TrafficRules.objects.get(service=fresh())
    assert (rules.overlay, rules.owner, rules.routes) == (None, "", None)
    assert split_of(fresh()) == {"v1": 100, "v2": 0}
    assert split_set(actor=root, service="shop/catalog", weights={"v1": 50, "v2": 50}).revision is not None


def test_a_version_stays_for_a_moment_after_the_release(catalog: Service, root: Actor) -> None:
    apply(root)
    rollout_apply(actor=root, service="shop/catalog", owner=OWNER, weights={"v1": 100}, overlay=None, release=True)
    with pytest.raises(Conflict, match="less than 30 s ago"):
        version_remove(actor=root, service="shop/catalog", version="v2")
    TrafficRules.objects.update(released_at="2020-01-01T00:00:00Z")
    assert version_remove(actor=root, service="shop/catalog", version="v2") is not None


@pytest.mark.parametrize(
    ("weights", "overlay"),
    [
        ({"v1": 90}, None),
        ({"v1": 90, "v9": 10}, None),
        ({"v1": 100}, Overlay(canary="v9")),
        ({"v1": 100}, Overlay(canary="v2", mirror=Mirror(version="v9"))),
        ({"v1": 100}, Overlay(canary="v2", matches=[RouteMatch(path=PathMatch(kind="regex", value="("))])),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(
    catalog: Service, root: Actor, weights: dict[str, int], overlay: Overlay | None
) -> None:
    before = everything()
    with pytest.raises(InvalidInput):
        rollout_apply(actor=root, service="shop/catalog", owner=OWNER, weights=weights, overlay=overlay)
    assert everything() == before


def test_a_simulation_meets_the_overlay(catalog: Service, root: Actor) -> None:
    apply(root)
    asked = {"source": "bank/ledger", "host": "catalog.shop.mesh", "method": "GET", "path": "/"}
    met = simulate(actor=root, asked=Asked(**asked, headers=[("x-beta", "1")]))
    assert (met.index, met.chosen, met.route and met.route.name) == (None, "v2", "rollout-0")
    met = simulate(actor=root, asked=Asked(**asked))
    assert (met.index, met.route and met.route.name) == (0, "default")
    assert [(backend.version, backend.share) for backend in met.backends] == [("v1", 95), ("v2", 5)]
