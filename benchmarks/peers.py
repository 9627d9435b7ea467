"""How each proxy is configured for the proxy benchmark: the same job, one worker, as its manual says it is fast."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.support import free_port
from tests.support.pki import Authority

ROOT = Path(__file__).resolve().parent.parent
CALLER = "spiffe://bench.mesh/ns/shop/svc/frontend"
CALLEE = "spiffe://bench.mesh/ns/shop/svc/catalog"


@dataclass(frozen=True)
class Plan:
    """Commands to run, and the ports that they then serve; requests go to the first."""

    commands: list[list[str]]
    ports: list[int]


@dataclass(frozen=True)
class System:
    name: str
    program: str
    plain: Callable[[Path, int], Plan]
    mtls: Callable[[Path, int], Plan] | None = None

    def installed(self) -> bool:
        return find(self.program) is not None


def find(program: str) -> str | None:
    """A program's path: beside this Python first, then as root would find it."""
    places = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", ""), "/usr/sbin"))
    return shutil.which(program, path=places)


# --- meshui -----------------------------------------------------------------------------------------------------


def meshui_plain(folder: Path, upstream: int) -> Plan:
    port = free_port()
    file = _resources(folder / "plain.json", [_caller(port), _service(), _endpoints(upstream, tls=False)])
    return Plan([_meshui(file)], [port])


def meshui_mtls(folder: Path, upstream: int) -> Plan:
    port, inbound = free_port(), free_port()
    authority = Authority()
    trust = {"kind": "trust", "body": {"trust_domain": "bench.mesh", "bundle": [authority.root]}}
    listener = {
        "kind": "inbound",
        "address": "127.0.0.1",
        "port": inbound,
        "service": "shop/catalog",
        "app_port": upstream,
    }
    callee = {
        "kind": "proxy",
        "name": "callee",
        "body": {"service": "shop/catalog", "version": "v1", "listeners": [listener]},
    }
    files = (
        _resources(folder / "caller.json", [_caller(port), _service(), _endpoints(inbound, tls=True), trust]),
        _resources(folder / "callee.json", [callee, trust]),
    )
    identities = (authority.write(folder / "caller", CALLER), authority.write(folder / "callee", CALLEE))
    commands = [
        [*_meshui(file), "--cert", str(cert), "--key", str(key), "--ca", str(ca)]
        for file, (cert, key, ca) in zip(files, identities, strict=True)
    ]
    return Plan(commands, [port, inbound])


def _meshui(file: Path) -> list[str]:
    return [sys.executable, "-m", "proxies", "run", "--resources", str(file)]


def _resources(file: Path, resources: list[dict[str, object]]) -> Path:
    file.write_text(json.dumps({"resources": resources}))
    return file


def _caller(port: int) -> dict[str, object]:
    hosts = [{"host": "*", "service": "shop/catalog"}]
    listener = {"kind": "gateway", "address": "127.0.0.1", "port": port, "hosts": hosts}
    return {
        "kind": "proxy",
        "name": "caller",
        "body": {"service": "shop/frontend", "version": "v1", "listeners": [listener]},
    }


def _service() -> dict[str, object]:
    split = [{"version": "v1", "weight": 90}, {"version": "v2", "weight": 10}]
    routes = [
        {"name": "admin", "match": {"path": {"kind": "prefix", "value": "/admin"}}},
        {"name": "default"},
    ]
    body = {
        "hosts": ["catalog.shop.mesh"],
        "versions": ["v1", "v2"],
        "split": split,
        "routes": routes,
        "identity": CALLEE,
    }
    return {"kind": "service", "name": "shop/catalog", "body": body}


def _endpoints(port: int, *, tls: bool) -> dict[str, object]:
    endpoints = [
        {"id": version, "address": "127.0.0.1", "port": port, "version": version, "tls": tls}
        for version in ("v1", "v2")
    ]
    return {"kind": "endpoints", "name": "shop/catalog", "body": {"endpoints": endpoints}}


# --- Envoy ------------------------------------------------------------------------------------------------------


def envoy_plain(folder: Path, upstream: int) -> Plan:
    port = free_port()
    return Plan([_envoy(folder / "plain.json", port, upstream, None, None)], [port])


def envoy_mtls(folder: Path, upstream: int) -> Plan:
    port, inbound = free_port(), free_port()
    authority = Authority()
    caller = _envoy_tls(authority.write(folder / "caller", CALLER), CALLEE)
    callee = _envoy_tls(authority.write(folder / "callee", CALLEE), CALLER)
    commands = [
        _envoy(folder / "caller.json", port, inbound, None, caller),
        _envoy(folder / "callee.json", inbound, upstream, callee, None),
    ]
    return Plan(commands, [port, inbound])


def _envoy(
    file: Path, port: int, upstream: int, server: dict[str, object] | None, client: dict[str, object] | None
) -> list[str]:
    kind = "type.googleapis.com/envoy.extensions"
    filters = [
        {
            "name": "envoy.filters.http.router",
            "typed_config": {"@type": f"{kind}.filters.http.router.v3.Router"},
        }
    ]
    weights = {
        "clusters": [{"name": name, "weight": weight} for name, weight in (("v1", 90), ("v2", 10))],
    }
    routes = [
        {"match": {"path_separated_prefix": "/admin"}, "route": {"cluster": "v1"}},
        {"match": {"prefix": "/"}, "route": {"weighted_clusters": weights}},
    ]
    manager = {
        "@type": f"{kind}.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "in",
        "generate_request_id": True,
        "use_remote_address": True,
        "via": "1.1 envoy",
        "normalize_path": True,
        "merge_slashes": True,
        "tracing": {"provider": _envoy_tracer(kind), "random_sampling": {"value": 0}},
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": routes}]},
        "http_filters": filters,
    }
    chain: dict[str, object] = {
        "filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]
    }
    if server is not None:
        context = {
            "@type": f"{kind}.transport_sockets.tls.v3.DownstreamTlsContext",
            "require_client_certificate": True,
            **server,
        }
        chain["transport_socket"] = {"name": "envoy.transport_sockets.tls", "typed_config": context}
    clusters = [_envoy_cluster(name, upstream, client) for name in ("v1", "v2")]
    listener = {"address": _envoy_address(port), "filter_chains": [chain]}
    file.write_text(json.dumps({"static_resources": {"listeners": [listener], "clusters": clusters}}))
    command = [find("envoy") or "envoy", "-c", str(file), "--concurrency", "1"]
    return [*command, "--disable-hot-restart", "--log-level", "error"]


def _envoy_tracer(kind: str) -> dict[str, object]:
    """Writes traceparent; samples nothing, so nothing is ever sent to the collector it names."""
    collector = {"envoy_grpc": {"cluster_name": "v1"}, "timeout": "1s"}
    config = {"@type": "type.googleapis.com/envoy.config.trace.v3.OpenTelemetryConfig", "grpc_service": collector}
    return {"name": "envoy.tracers.opentelemetry", "typed_config": config}


def _envoy_cluster(name: str, port: int, client: dict[str, object] | None) -> dict[str, object]:
    endpoint = {"endpoint": {"address": _envoy_address(port)}}
    cluster: dict[str, object] = {
        "name": name,
        "type": "STATIC",
        "connect_timeout": "1s",
        "lb_policy": "LEAST_REQUEST",
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": [endpoint]}]},
    }
    if client is not None:
        kind = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext"
        context = {"@type": kind, **client}
        cluster["transport_socket"] = {"name": "envoy.transport_sockets.tls", "typed_config": context}
    return cluster


def _envoy_tls(files: tuple[Path, Path, Path], peer: str) -> dict[str, object]:
    cert, key, ca = map(str, files)
    names = [{"san_type": "URI", "matcher": {"exact": peer}}]
    common = {
        "tls_certificates": [{"certificate_chain": {"filename": cert}, "private_key": {"filename": key}}],
        "validation_context": {"trusted_ca": {"filename": ca}, "match_typed_subject_alt_names": names},
        "tls_params": {"tls_minimum_protocol_version": "TLSv1_2", "tls_maximum_protocol_version": "TLSv1_3"},
        "alpn_protocols": ["http/1.1"],
    }
    return {"common_tls_context": common}


def _envoy_address(port: int) -> dict[str, object]:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


# --- nginx and HAProxy ------------------------------------------------------------------------------------------


def nginx_main(folder: Path, server: str, http: str = "") -> str:
    return (
        f"daemon off; master_process off; worker_processes 1; pid {folder}/nginx.pid; error_log stderr crit;\n"
        "events { worker_connections 4096; }\n"
        f"http {{ access_log off; sendfile on; keepalive_requests 100000000; client_body_temp_path {folder};\n"
        f"proxy_temp_path {folder}; fastcgi_temp_path {folder}; uwsgi_temp_path {folder}; scgi_temp_path {folder};\n"
        f"{http}\nserver {{ {server} }} }}\n"
    )


def nginx_plain(folder: Path, upstream: int) -> Plan:
    port = free_port()
    backends = "".join(
        f"upstream {name} {{ server 127.0.0.1:{upstream}; keepalive 128; keepalive_requests 100000000; }}\n"
        for name in ("v1", "v2")
    )
    split = "split_clients $request_id $version { 90% v1; * v2; }\n"
    server = (
        f"listen 127.0.0.1:{port}; location / {{ proxy_pass http://$version; proxy_http_version 1.1; "
        'proxy_set_header Connection ""; proxy_set_header Host $host; proxy_set_header X-Request-Id $request_id; }'
    )
    file = folder / "nginx.conf"
    file.write_text(nginx_main(folder, server, backends + split))
    return Plan([[find("nginx") or "nginx", "-c", str(file)]], [port])


def haproxy_plain(folder: Path, upstream: int) -> Plan:
    port = free_port()
    file = folder / "haproxy.cfg"
    file.write_text(
        "global\n  nbthread 1\n  maxconn 4096\n"
        "defaults\n  mode http\n  http-reuse always\n  timeout connect 1s\n  timeout client 300s\n"
        "  timeout server 15s\n"
        f"frontend in\n  bind 127.0.0.1:{port}\n  unique-id-format %{{+X}}o\\ %ci%cp%Ts%rt%pid\n"
        "  unique-id-header x-request-id\n  default_backend split\n"
        f"backend split\n  balance roundrobin\n  server v1 127.0.0.1:{upstream} weight 90\n"
        f"  server v2 127.0.0.1:{upstream} weight 10\n"
    )
    return Plan([[find("haproxy") or "haproxy", "-db", "-f", str(file)]], [port])


SYSTEMS = (
    System("meshui", sys.executable, meshui_plain, meshui_mtls),
    System("envoy", "envoy", envoy_plain, envoy_mtls),
    System("nginx", "nginx", nginx_plain),
    System("haproxy", "haproxy", haproxy_plain),
)
