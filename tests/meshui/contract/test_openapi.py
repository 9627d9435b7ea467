"""The API keeps to its own schema: generated requests, good and bad, get no 5xx and no answer that it does not say.

Bounded: a dozen examples for each operation. Calls run in process, each operation in a transaction that is
rolled back.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.core.cache import cache
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from drf_spectacular.generators import SchemaGenerator
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from meshui.catalog.models import Service
from meshui.catalog.services import instance_register
from meshui.core.actors import system
from tests.support.api import make_token, make_user

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
EXAMPLES = 12
KNOWN = {"ns": "shop", "name": "catalog", "version": "v2", "instance": "c-1", "username": "root", "namespace": "shop"}
"""Half of the requests go to what exists: others learn little but 404."""


def _schema() -> Any:
    schema = schemathesis.openapi.from_dict(SchemaGenerator().get_schema(request=None, public=True))
    schema.app = get_wsgi_application()
    return schema


OPERATIONS = [result.ok() for result in _schema().get_all_operations()]
GOOD = [(operation, GenerationMode.POSITIVE) for operation in OPERATIONS]
BAD = [
    (operation, GenerationMode.NEGATIVE)
    for operation in OPERATIONS
    if {"parameters", "requestBody"} & set(operation.definition.raw)
]
"""Who takes nothing can be given nothing bad."""


@pytest.fixture
def one_connection() -> Iterator[None]:
    """Requests share the test's connection and its transaction, as with Django's own test client."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.mark.parametrize(("operation", "mode"), [*GOOD, *BAD], ids=lambda x: getattr(x, "label", None) or x.value)
def test_answers_are_as_the_schema_says(
    catalog: Service, one_connection: None, operation: Any, mode: GenerationMode
) -> None:
    instance_register(
        actor=system("test"), service="shop/catalog", version="v1", address="10.0.0.1", port=1, instance_id="c-1"
    )
    headers = {"Authorization": f"Bearer {make_token(make_user('root', superuser=True))}"}
    calls = 0

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    def answers(case: schemathesis.Case) -> None:
        nonlocal calls
        calls += 1
        if calls % 2:
            given_path = case.path_parameters or {}
            case.path_parameters = {name: KNOWN.get(name, value) for name, value in given_path.items()}
        cache.clear()  # failed logins are counted, and would lock the rest out
        case.call_and_validate(checks=CHECKS, headers=headers)

    answers()
