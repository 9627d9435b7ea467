"""The commit: what it writes, and that revisions have no gap and no twin, whoever writes at the same moment."""

from __future__ import annotations

import threading

import pytest
from django.db import connection

from meshui.catalog.services import namespace_create, service_create
from meshui.core.actors import Actor
from meshui.core.commits import commit
from meshui.core.errors import Stale
from meshui.core.models import Change, Mesh, Outbox, Revision
from meshui.core.versions import etag
from meshui.traffic.services import split_set
from tests.support.api import everything


def test_an_error_inside_leaves_nothing(catalog: object, root: Actor) -> None:
    before = everything()
    with pytest.raises(RuntimeError), commit(actor=root, action="x.y", obj="x:y") as change:
        change.dirty("service", "shop/catalog")
        raise RuntimeError
    assert everything() == before


def test_dirt_is_noted_once(catalog: object, root: Actor) -> None:
    Outbox.objects.all().delete()
    with commit(actor=root, action="x.y", obj="x:y") as change:
        change.dirty("service", "shop/catalog")
        change.dirty("service", "shop/catalog")
    assert Outbox.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_revisions_of_concurrent_changes_are_gapless_and_ordered(servers: object, root: Actor) -> None:
    namespace_create(actor=root, name="shop")
    services = [f"shop/s{number}" for number in range(4)]
    for service in services:
        service_create(actor=root, service=service, versions=["v1", "v2"])
    first = Mesh.objects.get().revision
    start = threading.Barrier(len(services))
    faults: list[Exception] = []

    def change(service: str) -> None:
        try:
            start.wait()
            for weight in range(1, 11):
                split_set(actor=root, service=service, weights={"v1": 100 - weight, "v2": weight})
        except Exception as error:  # shown by the assertion below
            faults.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=change, args=(service,)) for service in services]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert not faults
    written = list(Revision.objects.filter(number__gt=first).order_by("number").values_list("number", flat=True))
    assert written == list(range(first + 1, first + 41))
    assert Mesh.objects.get().revision == first + 40
    by_time = list(Change.objects.filter(revision_id__gt=first).order_by("id").values_list("revision_id", flat=True))
    assert by_time == written
    for service in services:
        weights = [
            change["weights"]["v2"]
            for change in Change.objects.filter(object=f"service:{service}", action="split.set")
            .order_by("revision_id")
            .values_list("after", flat=True)
        ]
        assert weights == list(range(1, 11))


@pytest.mark.django_db(transaction=True)
def test_of_two_writers_with_the_same_version_one_is_stale(servers: object, root: Actor) -> None:
    namespace_create(actor=root, name="shop")
    service_create(actor=root, service="shop/catalog", versions=["v1", "v2"])
    version = etag({"v1": 100, "v2": 0})
    start = threading.Barrier(2)
    outcomes: list[str] = []

    def change(weight: int) -> None:
        start.wait()
        try:
            weights = {"v1": 100 - weight, "v2": weight}
            split_set(actor=root, service="shop/catalog", weights=weights, expected_version=version)
            outcomes.append("set")
        except Stale:
            outcomes.append("stale")
        finally:
            connection.close()

    threads = [threading.Thread(target=change, args=(weight,)) for weight in (10, 20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["set", "stale"]
