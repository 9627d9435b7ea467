"""Who may call a service, under which conditions: parts of its ``inbound`` resource."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, field

from proxies.wire.base import Body, Label
from proxies.wire.routing import FieldName, SourcePattern
from proxies.wire.tokens import TokenCondition

NamespaceName = Annotated[str, Meta(pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")]
Cidr = Annotated[str, Meta(pattern=r"^[0-9A-Fa-f:.]{2,45}(/[0-9]{1,3})?$")]
Method = Annotated[str, Meta(pattern=r"^[A-Z][A-Z-]{0,31}$")]
PathPattern = Annotated[str, Meta(pattern=r"^(/[!-~]*|\*[!-~]*)$", max_length=1024)]
HostPattern = Annotated[str, Meta(pattern=r"^(\*|(\*\.)?[a-z0-9]([-a-z0-9.]*[a-z0-9])?)$", max_length=253)]
PortNumber = Annotated[int, Meta(ge=1, le=65535)]
Minute = Annotated[int, Meta(ge=0, le=1440)]


class Caller(Body, frozen=True, kw_only=True):
    """Who calls: each list that is not empty puts a condition, all of them hold.

    ``services`` and ``namespaces`` are of the verified identity; whoever has none (plaintext, a stranger at a gateway)
    meets only ``cidrs`` and the ``not_`` lists. ``cidrs`` are ranges of the address that the connection came from.
    ``jwt`` is of the token that a request carries, which is HTTP's alone.
    """

    services: list[SourcePattern] = field(default_factory=list)
    namespaces: list[NamespaceName] = field(default_factory=list)
    not_services: list[SourcePattern] = field(default_factory=list)
    not_namespaces: list[NamespaceName] = field(default_factory=list)
    cidrs: list[Cidr] = field(default_factory=list)
    not_cidrs: list[Cidr] = field(default_factory=list)
    jwt: TokenCondition | None = None


class Operation(Body, frozen=True, kw_only=True):
    """What is called. ``paths`` compare with the normalised path: ``/a`` all of it, ``/a/*`` whatever begins with
    ``/a/``, ``*.json`` whatever ends so, ``/a/{x}/b`` with any one segment for ``{x}``. ``hosts`` are names, or
    ``*.suffix``. ``ports`` are those of the app. All but ``ports`` are HTTP's alone."""

    methods: list[Method] = field(default_factory=list)
    not_methods: list[Method] = field(default_factory=list)
    paths: list[PathPattern] = field(default_factory=list)
    not_paths: list[PathPattern] = field(default_factory=list)
    hosts: list[HostPattern] = field(default_factory=list)
    not_hosts: list[HostPattern] = field(default_factory=list)
    ports: list[PortNumber] = field(default_factory=list)
    not_ports: list[PortNumber] = field(default_factory=list)


class HeaderCondition(Body, frozen=True, kw_only=True):
    """``header`` (lower case), its values joined as RFC 9110 section 5.3 does, is one of ``values`` and none of
    ``not_values``; without the header there is no value, which is none of any list."""

    header: Annotated[str, Meta(pattern=r"^[a-z0-9!#$%&'*+.^_`|~-]+$", max_length=128)]
    values: list[Annotated[str, Meta(max_length=1024)]] = field(default_factory=list)
    not_values: list[Annotated[str, Meta(max_length=1024)]] = field(default_factory=list)


class Hours(Body, frozen=True, kw_only=True):
    """A time of the week in UTC: from minute ``start`` of a day until before ``end``, which may be the next day's where
    it is not after ``start``. ``days`` are Monday 0 to Sunday 6; none means all. They are of the start."""

    start: Minute = 0
    end: Minute = 1440
    days: list[Annotated[int, Meta(ge=0, le=6)]] = field(default_factory=list)


class PolicyRule(Body, frozen=True, kw_only=True):
    """All parts hold; an absent one puts no condition."""

    caller: Caller = field(default_factory=Caller)
    operation: Operation = field(default_factory=Operation)
    when: list[HeaderCondition] = field(default_factory=list)
    hours: Hours | None = None


class ExternalCheck(Body, frozen=True, kw_only=True):
    """A service of the mesh that is asked about a request before it may go on.

    It gets the request's head: method, host, ``path_prefix`` and target, who calls, and of the fields those named in
    ``request_headers``. An answer of 2xx lets the request pass, with the ``response_headers`` that the answer has; any
    other below 500 is the client's answer. Where none comes within ``timeout_ms``, ``on_error`` says what then.
    """

    service: Annotated[str, Meta(pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?/[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")]
    path_prefix: Annotated[str, Meta(pattern=r"^(/[!-~]*[!-.0-~])?$", max_length=256)] = ""
    timeout_ms: Annotated[int, Meta(ge=1, le=10_000)] = 500
    on_error: Literal["deny", "allow"] = "deny"
    request_headers: list[FieldName] = field(default_factory=list)
    response_headers: list[FieldName] = field(default_factory=list)


class Policy(Body, frozen=True, kw_only=True):
    """``rules`` are ORed. An allow policy without rules matches nothing, so it denies what no other allows. An
    ``external`` one has requests that a rule matches ``check``ed.

    A ``shadow`` policy decides nothing: where it would have turned an answer round, that is counted.
    """

    name: Label
    action: Literal["allow", "deny", "external"]
    mode: Literal["enforce", "shadow"] = "enforce"
    rules: list[PolicyRule] = field(default_factory=list)
    check: ExternalCheck | None = None
