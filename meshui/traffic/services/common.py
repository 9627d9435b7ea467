"""What every change of traffic needs."""

from __future__ import annotations

from collections.abc import Iterable

from meshui.catalog.models import Service
from meshui.core.errors import Conflict, FieldError, InvalidInput
from meshui.mesh.invariants import Breach
from meshui.traffic.selectors import owner_of


def touch(service: Service, revision: int | None) -> None:
    """Note on the service which revision changed it last."""
    if revision is not None:
        service.revision = revision
        service.save(update_fields=["revision", "updated_at"])


def refuse_owned(service: Service) -> None:
    """Raise Conflict ``owned_by_rollout``, naming the owner, while a rollout alone decides where traffic goes."""
    if owner := owner_of(service):
        detail = f"{owner.replace(':', ' ')} decides on the traffic of {service} until it is over"
        raise Conflict(detail, code="owned_by_rollout", errors=[FieldError("owner", "owned_by_rollout", owner)])


def refuse_tcp(service: Service, path: str, why: str) -> None:
    """Raise InvalidInput ``http_only`` where a TCP service is asked for what only requests have."""
    if service.protocol == "tcp":
        raise InvalidInput.field(path, "http_only", f"{service} is a tcp service: {why}")


def refuse(breaches: Iterable[Breach]) -> None:
    """Raise InvalidInput with every breach, if there is one."""
    errors = [FieldError(b.path, b.code, b.detail) for b in breaches]
    if errors:
        raise InvalidInput(errors[0].detail, errors=errors)
