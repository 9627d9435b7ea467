"""What the API and the live topics show of proxies, revisions and the mesh: one place where rows become JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

from django.conf import settings
from django.db.models import Q, QuerySet

from meshui.catalog.models import Proxy
from meshui.core.actors import Actor
from meshui.core.api.bodies import View
from meshui.core.errors import NotFound
from meshui.core.models import Mesh, Revision
from meshui.delivery.models import Applied, Published
from meshui.delivery.settle import Progress, State, Status, answers, counted, progress, state_of
from meshui.delivery.sync import Sync, states, sync_of
from proxies.wire import resources as wire
from proxies.wire.release import VERSION


class LoadView(View, frozen=True, kw_only=True):
    """The proxy's latest report; null before the first."""

    rps: float | None
    connections: int | None
    rss_bytes: int | None
    cpu_percent: float | None


class ProxyView(View, frozen=True, kw_only=True):
    id: str
    name: str
    service: str
    kind: Literal["sidecar", "gateway", "node"]
    service_version: str
    identity: str
    address: str
    admin: str
    proxy_version: str
    connected: bool
    last_seen_at: datetime | None
    joined_at: datetime
    certificate_not_after: datetime | None
    sync: Sync
    load: LoadView


class DesiredView(View, frozen=True, kw_only=True):
    """A resource as it is published; ``body`` is its content, null where a snapshot left it out."""

    resource: str
    revision: int
    version: str
    body: Any


class AppliedView(View, frozen=True, kw_only=True):
    """A proxy's newest answer to a resource; ``nack`` keeps the content before, and says why."""

    resource: str
    revision: int
    version: str
    status: Literal["ack", "nack"]
    error: str
    at: datetime | None


class ConfigView(View, frozen=True, kw_only=True):
    desired: list[DesiredView]
    applied: list[AppliedView]


class ProgressView(View, frozen=True, kw_only=True):
    """The four sum to ``total``; ``offline`` proxies are counted apart, never as acked."""

    total: int
    acked: int
    nacked: int
    waiting: int
    offline: int


class RevisionView(View, frozen=True, kw_only=True):
    revision: int
    state: State
    committed_at: datetime
    published_at: datetime | None
    applied_at: datetime | None
    error: str
    change_id: int | None
    proxies: ProgressView


class AnswerView(View, frozen=True, kw_only=True):
    proxy: str
    service: str
    status: Status
    error: str
    at: datetime | None


class RevisionDetailView(RevisionView, frozen=True, kw_only=True):
    """``detail`` holds the proxies of the namespaces that you may view, refusals first."""

    detail: list[AnswerView]


class MeshSyncView(View, frozen=True, kw_only=True):
    proxies: int
    synced: int
    refused: int
    offline: int


class SnapshotView(View, frozen=True, kw_only=True):
    """When it was taken, and where the recorded past in it begins."""

    taken_at: datetime
    since: datetime


class InfoView(View, frozen=True, kw_only=True):
    """``snapshot`` is null but where a snapshot is shown: then nothing can be changed, and it is always that time."""

    name: str
    version: str
    environment: Literal["production", "demo"]
    trust_domain: str
    demo: bool
    gateway_url: str | None
    revision: int
    sync: MeshSyncView
    snapshot: SnapshotView | None


# --- proxies ----------------------------------------------------------------------------------------------------


def proxies(actor: Actor) -> QuerySet[Proxy]:
    """The proxies of the namespaces that the actor may view, with what a ProxyView needs."""
    visible = actor.visible_namespaces()
    rows = Proxy.objects.select_related("service__namespace", "version")
    return rows if visible is None else rows.filter(service__namespace__name__in=visible)


def get_proxy(actor: Actor, proxy_id: str) -> Proxy:
    """Raises NotFound."""
    row = proxies(actor).filter(pk=proxy_id).first()
    if row is None:
        raise NotFound(f"no proxy {proxy_id}")
    return row


def proxy_views(rows: Sequence[Proxy]) -> list[ProxyView]:
    """Proxies as they are shown; one query for all."""
    sync = sync_of([row.pk for row in rows])
    return [_proxy_view(row, sync[row.pk]) for row in rows]


def _proxy_view(row: Proxy, sync: Sync) -> ProxyView:
    listener = row.listener("inbound") or row.listener("gateway")
    load = row.load
    return ProxyView(
        id=row.pk,
        name=row.name,
        service=str(row.service),
        kind=row.kind,
        service_version=row.version.name,
        identity=row.service.full_name.identity(settings.MESHUI.trust_domain),
        address=f"{listener['address']}:{listener['port']}" if listener else "",
        admin=row.admin,
        proxy_version=row.proxy_version,
        connected=sync.state != "offline",
        last_seen_at=row.last_seen_at,
        joined_at=row.joined_at,
        certificate_not_after=row.certificate_not_after,
        sync=sync,
        load=LoadView(
            rps=load.get("rps"),
            connections=load.get("connections"),
            rss_bytes=load.get("rss_bytes"),
            cpu_percent=load.get("cpu_percent"),
        ),
    )


def config_of(row: Proxy) -> ConfigView:
    """What a proxy should hold, and what it said of each resource."""
    own = Q(kind="inbound", name=str(row.service)) | Q(kind="proxy", name=row.pk)
    followed = Published.objects.filter(own | ~Q(kind__in=("inbound", "proxy"))).order_by("resource")
    return ConfigView(
        desired=[_desired(published) for published in followed],
        applied=[_applied(answer) for answer in Applied.objects.filter(proxy=row).order_by("resource")],
    )


def _desired(row: Published) -> DesiredView:
    body = wire.decode(bytes(row.body)).body if row.body else None
    return DesiredView(resource=row.resource, revision=row.revision, version=row.version, body=body)


def _applied(row: Applied) -> AppliedView:
    refused = row.refused
    return AppliedView(
        resource=row.resource,
        revision=row.refused_revision if refused else row.revision,
        version=row.refused_version if refused else row.version,
        status="nack" if refused else "ack",
        error=row.error if refused else "",
        at=row.refused_at if refused else row.applied_at,
    )


# --- revisions --------------------------------------------------------------------------------------------------


def revisions(actor: Actor) -> QuerySet[Revision]:
    """The revisions of changes in the namespaces that the actor may view, and those of the mesh as a whole."""
    visible = actor.visible_namespaces()
    rows = Revision.objects.select_related("change")
    return rows if visible is None else rows.filter(change__namespace__in=[*visible, ""])


def get_revision(actor: Actor, number: int) -> Revision:
    """Raises NotFound."""
    row = revisions(actor).filter(number=number).first()
    if row is None:
        raise NotFound(f"no revision {number}")
    return row


def revision_views(rows: Sequence[Revision]) -> list[RevisionView]:
    """Revisions as they are shown; one query for all."""
    counts = progress([row.number for row in rows])
    return [RevisionView(**_revision(row, counts[row.number])) for row in rows]


def revision_detail(actor: Actor, row: Revision) -> RevisionDetailView:
    """One revision with each proxy's answer."""
    found = answers(row.number)
    return RevisionDetailView(
        **_revision(row, counted(found)),
        detail=[
            AnswerView(proxy=a.proxy, service=a.service, status=a.status, error=a.error, at=a.at)
            for a in found
            if actor.may("view", a.service.partition("/")[0])
        ],
    )


def _revision(row: Revision, counts: Progress) -> dict[str, Any]:
    return {
        "revision": row.number,
        "state": state_of(row, counts),
        "committed_at": row.committed_at,
        "published_at": row.published_at,
        "applied_at": row.applied_at,
        "error": row.error,
        "change_id": row.change.pk if hasattr(row, "change") else None,
        "proxies": ProgressView(
            total=counts.total,
            acked=counts.acked,
            nacked=counts.nacked,
            waiting=counts.waiting,
            offline=counts.offline,
        ),
    }


# --- the mesh ---------------------------------------------------------------------------------------------------


def info() -> InfoView:
    """The mesh as a whole, in two queries."""
    mesh = Mesh.objects.filter(pk=1).first()
    environment = settings.MESHUI
    return InfoView(
        name="meshui",
        version=VERSION,
        environment=environment.mode,
        trust_domain=environment.trust_domain,
        demo=environment.demo,
        gateway_url=f"http://127.0.0.1:{environment.gateway_port}" if environment.demo else None,
        revision=mesh.revision if mesh else 0,
        sync=_mesh_sync(states().values()),
        snapshot=_snapshot(environment.snapshot_at, environment.snapshot_since),
    )


def _snapshot(at: float | None, since: float) -> SnapshotView | None:
    if at is None:
        return None
    return SnapshotView(taken_at=datetime.fromtimestamp(at, UTC), since=datetime.fromtimestamp(since, UTC))


def _mesh_sync(found: Iterable[str]) -> MeshSyncView:
    counts = Counter(found)
    return MeshSyncView(
        proxies=counts.total(), synced=counts["synced"], refused=counts["refused"], offline=counts["offline"]
    )
