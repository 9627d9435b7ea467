"""The rules that lead connections through a proxy, as text; and what tells HTTP from anything else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxies.core.sniff import speaks_http
from proxies.main import main

RULES = """\
add table inet meshui
delete table inet meshui
table inet meshui {
	chain output {
		type nat hook output priority -100; policy accept;
		meta skuid 1337 return
		meta mark 0x10 return
		oifname "lo" return
		ip daddr { 10.1.0.0/16, 192.0.2.1/32 } return
		ip6 daddr { fd00::/8 } return
		tcp dport { 22, 5432 } return
		meta nfproto ipv4 meta l4proto tcp redirect to :15002
		meta nfproto ipv6 meta l4proto tcp redirect to :15003
	}
	chain prerouting {
		type nat hook prerouting priority -100; policy accept;
		iifname "lo" return
		tcp dport { 9000, 9001 } redirect to :15006
	}
}
"""


def test_the_rules_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    words = "intercept --uid 1337 --mark 0x10 --outbound 127.0.0.1:15002 --outbound [::1]:15003 --exclude 10.1.0.0/16"
    words += " --exclude 192.0.2.1 --exclude fd00::/8 --exclude-port 22 --exclude-port 5432 --inbound-port 15006"
    words += " --capture 9000 --capture 9001"
    assert main(words.split()) == 0
    assert capsys.readouterr().out == RULES


@pytest.mark.parametrize(
    "words",
    [
        "--outbound 127.0.0.1:15002",
        "--uid 1",
        "--uid 1 --outbound 10.0.0.1:15002",
        "--uid 1 --outbound 127.0.0.1:0",
        "--uid 1 --outbound 127.0.0.1:1 --outbound 127.0.0.2:2",
        "--uid 1 --outbound 127.0.0.1:1 --exclude 10.0.0.1/8",
        "--uid 1 --outbound 127.0.0.1:1 --exclude 10.0.0.0/8;flush",
        "--uid 1 --outbound 127.0.0.1:1 --exclude-port 70000",
        "--uid 1 --outbound 127.0.0.1:1 --capture 80",
        "--uid 1 --inbound-port 15006",
        "--uid -1 --outbound 127.0.0.1:1",
        "--uid 1 --outbound 127.0.0.1:1 --table a;b",
        "--uid 1 --outbound 127.0.0.1:1 --apply --remove",
    ],
)
def test_what_cannot_be_meant_is_refused(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as usage:
        main(["intercept", *words.split()])
    assert usage.value.code == 2
    assert "error:" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("data", "http"),
    [
        (b"GET / HTTP/1.1\r\n", True),
        (b"M-SEARCH * HTTP/1.0\n", True),
        (b"GET / HTTP/1.1\r\nhost: a\r\n\r\n", True),
        (b"", None),
        (b"GET", None),
        (b"GET /a?b=c HTT", None),
        (b"GET / HTTP/1.1\r", None),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", False),
        (b"PRI * HTTP/", None),
        (b"PRI * HTTP/2", False),
        (b"\x16\x03\x01\x02\x00\x01", False),
        (b"EHLO mail.example\r\n", False),
        (b"*1\r\n$4\r\nPING\r\n", False),
        (b"get / HTTP/1.1\r\n", False),
        (b"GET /\x00 HTTP/1.1\r\n", False),
        (b"GET " + b"a" * 70_000, False),
    ],
)
def test_http_is_told_from_anything_else(data: bytes, http: bool | None) -> None:
    assert speaks_http(data) is http


@given(st.binary(max_size=60), st.integers(0, 60))
def test_more_bytes_never_change_an_answer(data: bytes, cut: int) -> None:
    early = speaks_http(data[:cut])
    assert early is None or early == speaks_http(data)


@given(st.integers(0, 40))
def test_a_request_is_never_taken_for_something_else(cut: int) -> None:
    line = b"DELETE /items/7?x=%20y HTTP/1.1\r\nhost: h\r\n"
    assert speaks_http(line[:cut]) in (None, True)
