"""Names: what is one, and how a service's are spelled."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshui.mesh.names import LABEL, ServiceName

LABELS = st.from_regex(LABEL, fullmatch=True)


def test_a_service_has_a_host_and_an_identity() -> None:
    name = ServiceName.parse("shop/catalog")
    assert (name.namespace, name.name, name.host) == ("shop", "catalog", "catalog.shop.mesh")
    assert name.identity("mesh.local") == "spiffe://mesh.local/ns/shop/svc/catalog"


@given(namespace=LABELS, name=LABELS)
def test_a_name_is_read_as_it_is_written(namespace: str, name: str) -> None:
    assert ServiceName.parse(str(ServiceName(namespace, name))) == ServiceName(namespace, name)


@pytest.mark.parametrize(
    "text", ["", "shop", "shop/", "/catalog", "shop/catalog/x", "Shop/catalog", "shop/-c", "shop/c-", "shop/c\n"]
)
def test_what_is_no_name_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no service name"):
        ServiceName.parse(text)
