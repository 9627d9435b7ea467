"""Changes of the registry: the one door for the API, delivery, telemetry and commands."""

from meshui.catalog.services.health_checks import checks_record, health_check_set, instances_deregister_overdue
from meshui.catalog.services.heartbeats import heartbeats_record, instance_heartbeat, instances_expire
from meshui.catalog.services.instances import (
    instance_deregister,
    instance_drain,
    instance_register,
    instance_update,
)
from meshui.catalog.services.join_tokens import (
    join_token_check,
    join_token_consume,
    join_token_create,
    join_token_revoke,
)
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
    "checks_record",
    "health_check_set",
    "heartbeats_record",
    "instance_deregister",
    "instance_drain",
    "instance_heartbeat",
    "instance_register",
    "instance_update",
    "instances_deregister_overdue",
    "instances_expire",
    "join_token_check",
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
