"""Which addresses an instance may have: no door to the control plane's own neighbourhood."""

from __future__ import annotations

import pytest

from meshui.catalog.addresses import check_address
from meshui.core.errors import InvalidInput

GOOD = ["10.0.0.1", "192.168.1.1", "8.8.8.8", "2001:db8::1", "fd00::1", "app", "app-1.example.org", "1.example.org"]
LOCAL = [
    "127.0.0.1",
    "127.9.9.9",
    "::1",
    "::ffff:127.0.0.1",
    "169.254.169.254",
    "fe80::1",
    "localhost",
    "LOCALHOST",
    "app.localhost",
]
NEVER = [
    "",
    "0.0.0.0",
    "::",
    "224.0.0.1",
    "ff02::1",
    "fe80::1%eth0",
    "http://10.0.0.1",
    "10.0.0.1:80",
    "[::1]",
    "user@host",
    "a..b",
    "-a",
    "a_b",
    "a/b",
    "127.1",
    "2130706433",
    "0x7f000001",
    "0177.0.0.1",
    "x.127",
    "app.",
    "é",
    "a\n",
    "a" * 254,
]


@pytest.mark.parametrize("local_allowed", [True, False])
@pytest.mark.parametrize("address", GOOD)
def test_hosts_and_addresses_pass(address: str, local_allowed: bool) -> None:
    check_address(address, local_allowed=local_allowed)


@pytest.mark.parametrize("address", LOCAL)
def test_local_ones_pass_only_where_they_are_allowed(address: str) -> None:
    check_address(address, local_allowed=True)
    with pytest.raises(InvalidInput) as refused:
        check_address(address, local_allowed=False)
    assert refused.value.errors[0].code == "address_refused"


@pytest.mark.parametrize("address", NEVER)
def test_others_never_pass(address: str) -> None:
    with pytest.raises(InvalidInput):
        check_address(address, local_allowed=True)
