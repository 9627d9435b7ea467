"""What the translations share: names, weights, and the notes on the way out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from meshui.core.errors import InvalidInput
from meshui.mesh.names import DOMAIN, LABEL, VERSION, ServiceName
from meshui.mesh.values import HeaderOps
from meshui.traffic.interchange.documents import Fields
from meshui.traffic.interchange.values import Note


def service_of(host: str, namespace: str) -> ServiceName | None:
    """``catalog`` (in ``namespace``), ``catalog.shop``, ``catalog.shop.svc.cluster.local`` or ``catalog.shop.mesh`` as
    a service of the mesh; None for any other host."""
    parts = host.split(".")
    if len(parts) == 1 and namespace:
        parts.append(namespace)
    if not (len(parts) == 2 or parts[2:] == [DOMAIN] or parts[2] == "svc"):
        return None
    if not LABEL.fullmatch(parts[0]) or not LABEL.fullmatch(parts[1]):
        return None
    return ServiceName(parts[1], parts[0])


def label(text: str) -> str:
    """The nearest name that a route or a version may have."""
    return re.sub(r"[^a-z0-9.]+", "-", text.lower()).strip("-.")[:63].strip("-.") or "route"


def unused(name: str, taken: Iterable[str]) -> str:
    """``name``, or ``name-2`` and so on where it is taken."""
    names, count, free = set(taken), 1, name
    while free in names:
        count += 1
        free = f"{name[:58]}-{count}"
    return free


def version_of(fields: Fields, name: str) -> str:
    """The text of a field as a version's name. Raises InvalidInput."""
    text = fields.text(name)
    if not VERSION.fullmatch(text):
        raise fields.wrong(name, f"{text!r} is no name that a version may have")
    return text


def percentages(weights: Mapping[str, int], fields: Fields, name: str) -> dict[str, int]:
    """Weights of any sum as percent that sum to 100, by largest remainder; noted where they had another sum."""
    total = sum(weights.values())
    if total <= 0:
        raise fields.wrong(name, "the weights sum to nothing")
    exact = {version: weight * 100 / total for version, weight in weights.items()}
    rounded = {version: int(share) for version, share in exact.items()}
    by_remainder = sorted(exact, key=lambda version: (rounded[version] - exact[version], version))
    for version in by_remainder[: 100 - sum(rounded.values())]:
        rounded[version] += 1
    if rounded != exact:
        fields.note("changed", name, f"weights {dict(weights)} are now {rounded}: meshui's are whole percent")
    return rounded


def header_ops(fields: Fields | None) -> HeaderOps | None:
    """``{set, add, remove}`` with names in any case."""
    if fields is None:
        return None
    ops = HeaderOps(
        set={name.lower(): value for name, value in fields.pairs("set").items()},
        add={name.lower(): value for name, value in fields.pairs("add").items()},
        remove=[name.lower() for name in fields.texts("remove")],
    )
    return ops if ops.set or ops.add or ops.remove else None


def plain_ops(ops: HeaderOps | None) -> dict[str, Any]:
    """The way back, without what is empty."""
    if ops is None:
        return {}
    return {name: value for name in ("set", "add", "remove") if (value := getattr(ops, name))}


class Loss:
    """Notes of an export, in the order in which they come up; each is said once."""

    def __init__(self) -> None:
        self.notes: list[Note] = []

    def lost(self, path: str, detail: str) -> None:
        note = Note(severity="lost", document=0, path=path, detail=detail)
        if note not in self.notes:
            self.notes.append(note)

    def changed(self, path: str, detail: str) -> None:
        self.notes.append(Note(severity="changed", document=0, path=path, detail=detail))


def to_yaml(documents: Iterable[Mapping[str, Any]]) -> str:
    return yaml.safe_dump_all(documents, sort_keys=False, allow_unicode=True, width=120)


def metadata(service: ServiceName) -> dict[str, str]:
    return {"name": service.name, "namespace": service.namespace}


def expect_service(service: ServiceName | None, fields: Fields, name: str) -> ServiceName:
    """Raises InvalidInput where there is none."""
    if service is None:
        raise fields.wrong(name, "it names no service of the mesh; give its namespace")
    return service


def kind_of(document: Any) -> tuple[str, str]:
    """``(group, kind)`` of a document. Raises InvalidInput where it has none."""
    if not isinstance(document, dict) or not isinstance(document.get("kind"), str):
        raise InvalidInput.field("text", "invalid", "a document without kind")
    return str(document.get("apiVersion", "")).partition("/")[0], document["kind"]
