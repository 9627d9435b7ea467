"""``interchange/import/`` and ``export/`` over REST."""

from __future__ import annotations

import pytest

from meshui.core.models import Change
from tests.support.api import Api

SPLIT = """
apiVersion: split.smi-spec.io/v1alpha4
kind: TrafficSplit
metadata: {name: catalog, namespace: shop}
spec: {service: catalog, backends: [{service: catalog-v1, weight: 9}, {service: catalog-v3, weight: 1}]}
"""


def test_an_import_is_a_draft(operator: Api) -> None:
    before = Change.objects.count()
    answer = operator.post("interchange/import/", {"text": SPLIT})
    assert answer.status == 200
    (found,) = answer.body["services"]
    assert found["service"] == "shop/catalog"
    assert found["exists"] is True
    assert found["split"] == {"v1": 90, "v3": 10}
    assert found["missing_versions"] == ["v3"]
    assert Change.objects.count() == before


def test_a_service_that_is_not_there_is_said(operator: Api) -> None:
    answer = operator.post("interchange/import/", {"text": SPLIT.replace("catalog", "nothing")})
    assert answer.body["services"][0]["exists"] is False


def test_bad_text_is_refused_at_its_line(operator: Api) -> None:
    answer = operator.post("interchange/import/", {"text": "a: ["})
    assert answer.status == 400
    assert answer.paths() == {"text": "malformed"}


@pytest.mark.parametrize(
    ("form", "kind"), [("istio", "VirtualService"), ("gateway-api", "HTTPRoute"), ("smi", "TrafficSplit")]
)
def test_an_export_can_be_imported(operator: Api, form: str, kind: str) -> None:
    answer = operator.get(f"services/shop/catalog/export/?format={form}")
    assert answer.status == 200
    assert f"kind: {kind}" in answer.body["text"]
    back = operator.post("interchange/import/", {"text": answer.body["text"]})
    assert back.body["services"][0]["service"] == "shop/catalog"


def test_an_unknown_format_is_refused(operator: Api) -> None:
    assert operator.get("services/shop/catalog/export/?format=xml").status == 400
