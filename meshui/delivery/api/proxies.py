"""Proxies: what they hold, how far they are, and how one is put out."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from django.db.models import Q
from msgspec import Meta
from rest_framework.request import Request
from rest_framework.response import Response

from meshui.core.api.actors import actor_of
from meshui.core.api.bodies import DeleteQuery, query
from meshui.core.api.endpoints import Endpoint
from meshui.core.api.operations import operation
from meshui.core.api.pages import ListQuery, Page, page
from meshui.delivery import shown
from meshui.delivery.services import proxy_evict
from meshui.delivery.sync import states

Text = Annotated[str, Meta(max_length=200)]


class ProxyQuery(ListQuery, frozen=True, kw_only=True):
    namespace: Text = ""
    service: Annotated[str, Meta(max_length=200, description="namespace/name")] = ""
    state: Literal["", "synced", "syncing", "refused", "offline"] = ""
    search: Annotated[str, Meta(max_length=200, description="Part of an id, a name or a service's name.")] = ""


class Proxies(Endpoint):
    @operation("proxies", query=ProxyQuery, answer=Page[shown.ProxyView])
    def get(self, request: Request) -> Response:
        """The proxies that joined, each with how far it is."""
        asked = query(request, ProxyQuery)
        rows = shown.proxies(actor_of(request))
        if asked.namespace:
            rows = rows.filter(service__namespace__name=asked.namespace)
        if asked.service:
            namespace, _, name = asked.service.partition("/")
            rows = rows.filter(service__namespace__name=namespace, service__name=name)
        if asked.state:
            rows = rows.filter(pk__in=[proxy for proxy, state in states().items() if state == asked.state])
        if asked.search:
            text = asked.search
            rows = rows.filter(Q(pk__icontains=text) | Q(name__icontains=text) | Q(service__name__icontains=text))
        found = page(request, rows, asked, lambda row: row)
        return Response(msgspec.structs.replace(found, results=shown.proxy_views(found.results)))


class OneProxy(Endpoint):
    writes = "security.write"

    @operation("proxy", answer=shown.ProxyView)
    def get(self, request: Request, proxy_id: str) -> Response:
        """One proxy."""
        return Response(shown.proxy_views([shown.get_proxy(actor_of(request), proxy_id)])[0])

    @operation("proxy_evict", query=DeleteQuery, status=204)
    def delete(self, request: Request, proxy_id: str) -> Response:
        """Put a proxy out: it is cut off from configuration at once and its certificate is renewed no more."""
        asked = query(request, DeleteQuery)
        proxy_evict(actor=actor_of(request), proxy_id=proxy_id, reason=asked.reason, dry_run=asked.dry_run)
        return Response(status=204)


class ProxyConfig(Endpoint):
    @operation("proxy_config", answer=shown.ConfigView)
    def get(self, request: Request, proxy_id: str) -> Response:
        """What is published for a proxy, and its answer to each resource."""
        return Response(shown.config_of(shown.get_proxy(actor_of(request), proxy_id)))
