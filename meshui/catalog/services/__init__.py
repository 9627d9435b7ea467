"""Changes of the registry: the one door for the API, delivery, telemetry and commands."""

from meshui.catalog.services.instances import (
    heartbeats_record,
    instance_deregister,
    instance_heartbeat,
    instance_register,
    instances_expire,
)
from meshui.catalog.services.join_tokens import join_token_consume, join_token_create, join_token_revoke
from meshui.catalog.services.namespaces import namespace_create, namespace_delete
from meshui.catalog.services.proxies import Registered, proxy_evict, proxy_register
from meshui.catalog.services.services import (
    service_create,
    service_delete,
    service_insert,
    service_remove,
    service_update,
    version_create,
)

__all__ = [
    "Registered",
    "heartbeats_record",
    "instance_deregister",
    "instance_heartbeat",
    "instance_register",
    "instances_expire",
    "join_token_consume",
    "join_token_create",
    "join_token_revoke",
    "namespace_create",
    "namespace_delete",
    "proxy_evict",
    "proxy_register",
    "service_create",
    "service_delete",
    "service_insert",
    "service_remove",
    "service_update",
    "version_create",
]
