"""How endpoints describe themselves: OpenAPI from the very structs that read and answer requests."""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import Any, TypeVar, get_args, get_origin

import msgspec
from drf_spectacular.drainage import set_override, warn
from drf_spectacular.extensions import OpenApiAuthenticationExtension, OpenApiSerializerExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ComponentRegistry, ResolvedComponent
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from msgspec import Struct

from meshui.core.api.bodies import Body
from meshui.core.api.pages import Page
from meshui.core.problems import CONTENT_TYPE, Problem

REFERENCE = "#/components/schemas/{name}"
F = TypeVar("F", bound=Callable[..., Any])


def operation(
    name: str,
    *,
    body: Any = None,
    query: type[Body] | None = None,
    answer: Any = None,
    status: int = 200,
    conditional: bool = False,
    idempotent: bool = False,
    tags: tuple[str, ...] = (),
) -> Callable[[F], F]:
    """Describe one method of a view; its docstring is the description, ``name`` the operation's id.

    ``body``, ``query`` and ``answer`` are structs (``answer`` also ``Page[Struct]``); ``conditional`` says that
    If-Match is required, ``idempotent`` that an Idempotency-Key is taken. Every error
    is a problem, which needs no saying.
    """
    parameters = _parameters(query) if query else []
    if conditional:
        parameters.append(
            OpenApiParameter("If-Match", str, OpenApiParameter.HEADER, required=True, description="ETag, or *")
        )
    if idempotent:
        text = "The same key with the same request has one effect, for 24 h."
        parameters.append(OpenApiParameter("Idempotency-Key", str, OpenApiParameter.HEADER, description=text))
    return extend_schema(
        operation_id=name,
        request=_target(body),
        responses={status: _target(answer) if answer is not None else OpenApiResponse(description="Done")},
        parameters=parameters,
        tags=list(tags) or None,
    )


def _target(kind: Any) -> Any:
    """What drf-spectacular can hold: a struct class; of a generic one, a class named after its argument."""
    origin = get_origin(kind)
    if origin is Page:
        (item,) = get_args(kind)
        return _page_of(item)
    return kind


_pages: dict[type, type] = {}


def _page_of(item: type[Struct]) -> type:
    """``Page[Service]`` as one named class: a schema needs a name without brackets."""
    if item not in _pages:
        _pages[item] = msgspec.defstruct(
            f"{item.__name__}Page",
            [("next", str | None), ("previous", str | None), ("results", types.GenericAlias(list, (item,)))],
            frozen=True,
            kw_only=True,
        )
    return _pages[item]


def _parameters(query: type[Body]) -> list[OpenApiParameter]:
    _, components = msgspec.json.schema_components([query], ref_template=REFERENCE)
    properties = components[query.__name__]["properties"]
    required = components[query.__name__].get("required", ())
    return [
        OpenApiParameter(
            name=name,
            type={k: v for k, v in schema.items() if k != "description"},
            required=name in required,
            description=schema.get("description", ""),
        )
        for name, schema in properties.items()
    ]


class StructExtension(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]
    """Shows a msgspec struct: its JSON Schema, which OpenAPI 3.1 takes as it is."""

    target_class = "msgspec.Struct"
    match_subclasses = True

    def get_name(self, auto_schema: AutoSchema, direction: str) -> str:
        # A struct is met as a class and, within others, as a name: no collision. ``_register`` looks for real ones.
        set_override(self.target, "suppress_collision_warning", True)
        return str(self.target.__name__)

    def map_serializer(self, auto_schema: AutoSchema, direction: str) -> dict[str, Any]:
        _, components = msgspec.json.schema_components([self.target], ref_template=REFERENCE)
        for name, schema in components.items():
            if name != self.target.__name__:
                _register(auto_schema.registry, name, schema)
        return dict(components[self.target.__name__])


def _register(registry: ComponentRegistry, name: str, schema: dict[str, Any]) -> None:
    component = ResolvedComponent(  # type: ignore[no-untyped-call]
        name=name, type=ResolvedComponent.SCHEMA, object=name, schema=schema
    )
    if component not in registry:
        registry.register(component)
    elif registry[component].schema not in (None, schema):
        warn(f"two structs are named {name}")


class Schema(AutoSchema):
    """Groups operations by the first part of their path; the rest is said by ``operation``."""

    def get_tags(self) -> list[str]:
        return [self.path.removeprefix("/api/v1/").partition("/")[0]]


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "meshui.accounts.authentication.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer"}


class SessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "meshui.accounts.authentication.SessionAuthentication"
    name = "session"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        return {
            "type": "apiKey",
            "in": "cookie",
            "name": "meshui_session",
            "description": "Signed in by auth/login/; writes carry X-CSRFToken. The cookie's name ends in the port.",
        }


def add_problems(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """Post-processing: every operation may answer with a problem."""
    _, components = msgspec.json.schema_components([Problem], ref_template=REFERENCE)
    result.setdefault("components", {}).setdefault("schemas", {}).update(components)
    answer = {
        "description": "A problem (RFC 9457)",
        "content": {CONTENT_TYPE: {"schema": {"$ref": REFERENCE.format(name=Problem.__name__)}}},
    }
    for methods in result["paths"].values():
        for operation_ in methods.values():
            operation_["responses"]["default"] = answer
    return result
