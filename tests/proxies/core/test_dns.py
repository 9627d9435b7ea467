"""Queries read and replies written, against an independent implementation of DNS."""

from __future__ import annotations

import struct

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxies.core import dns as codec
from proxies.core.dns import Record, Reply, Unreadable, read_query, write_reply

NAME = (b"catalog", b"shop", b"mesh")
ASKED = dns.message.make_query("Catalog.Shop.mesh", "A", use_edns=False).to_wire()
WITH_EDNS = dns.message.make_query("catalog.shop.mesh", "A", use_edns=0, payload=4096).to_wire()


def refusal(data: bytes) -> dns.message.Message | None:
    with pytest.raises(Unreadable) as caught:
        read_query(data)
    reply = caught.value.reply
    return dns.message.from_wire(reply) if reply is not None else None


def test_a_query_is_read() -> None:
    query = read_query(ASKED)
    assert (query.name, query.type, query.cls, query.edns) == (NAME, codec.A, codec.IN, False)
    assert codec.udp_limit(query) == 512
    query = read_query(WITH_EDNS)
    assert (query.edns, codec.udp_limit(query)) == (True, 1232)


def test_a_reply_is_as_the_client_asked() -> None:
    asked = dns.message.from_wire(ASKED)
    reply = Reply(answers=[Record(codec.A, 7, bytes([10, 0, 0, 7]))])
    answer = dns.message.from_wire(write_reply(read_query(ASKED), reply, 512))
    assert asked.is_response(answer)
    assert answer.flags & dns.flags.AA
    assert answer.question[0].name.to_text() == "Catalog.Shop.mesh."
    assert answer.answer[0].to_text() == "Catalog.Shop.mesh. 7 IN A 10.0.0.7"


def test_what_does_not_fit_loses_its_extras_and_then_is_cut() -> None:
    query = read_query(WITH_EDNS)
    extra = [Record(codec.A, 1, bytes(4), (b"%d" % n, *NAME)) for n in range(40)]
    few = Reply(answers=[Record(codec.A, 1, bytes([10, 0, 0, n])) for n in range(20)], additional=extra)
    answer = dns.message.from_wire(write_reply(query, few, 512))
    assert (len(answer.answer[0]), answer.additional, bool(answer.flags & dns.flags.TC)) == (20, [], False)
    many = Reply(answers=[Record(codec.A, 1, bytes([10, 0, 0, n])) for n in range(100)])
    data = write_reply(query, many, 512)
    cut = dns.message.from_wire(data)
    assert len(data) <= 512
    assert (cut.answer, bool(cut.flags & dns.flags.TC), cut.edns) == ([], True, 0)


@pytest.mark.parametrize(
    "data",
    [b"", b"\0" * 11, dns.message.make_response(dns.message.from_wire(ASKED)).to_wire()],
    ids=["empty", "short", "a reply"],
)
def test_what_may_not_be_answered_is_not(data: bytes) -> None:
    assert refusal(data) is None


def header(questions: int = 1, answers: int = 0, authorities: int = 0, additional: int = 0, flags: int = 0) -> bytes:
    return struct.pack("!6H", 4711, flags, questions, answers, authorities, additional)


QUESTION = b"\7catalog\4shop\4mesh\0\0\1\0\1"
OPT = b"\0" + struct.pack("!HHIH", 41, 1232, 0, 0)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (header(0), dns.rcode.FORMERR),
        (header(2) + QUESTION * 2, dns.rcode.FORMERR),
        (header(answers=1) + QUESTION + OPT, dns.rcode.FORMERR),
        (header(authorities=1) + QUESTION + OPT, dns.rcode.FORMERR),
        (header(additional=2) + QUESTION + OPT * 2, dns.rcode.FORMERR),
        (header(additional=1) + QUESTION, dns.rcode.FORMERR),
        (header() + QUESTION + b"x", dns.rcode.FORMERR),
        (header(additional=1) + QUESTION + OPT + b"x", dns.rcode.FORMERR),
        (header() + QUESTION[:-1], dns.rcode.FORMERR),
        (header() + b"\xc0\x0c\0\1\0\1", dns.rcode.FORMERR),
        (header() + b"\x40" + b"a" * 64 + b"\0\0\1\0\1", dns.rcode.FORMERR),
        (header() + (b"\x3f" + b"a" * 63) * 4 + b"\0\0\1\0\1", dns.rcode.FORMERR),
        (header(flags=0x0200) + QUESTION, dns.rcode.FORMERR),
        (header(flags=0x2800) + QUESTION, dns.rcode.NOTIMP),
    ],
)
def test_what_is_malformed_is_told_so(data: bytes, code: dns.rcode.Rcode) -> None:
    reply = refusal(data)
    assert reply is not None
    assert (reply.id, reply.rcode()) == (4711, code)
    assert reply.flags & dns.flags.QR


def test_a_later_edns_is_told_our_version() -> None:
    reply = refusal(dns.message.make_query("catalog.shop.mesh", "A", use_edns=1).to_wire())
    assert reply is not None
    assert (reply.rcode(), reply.edns) == (dns.rcode.BADVERS, 0)


@given(st.binary(max_size=600))
def test_no_bytes_break_the_reader(data: bytes) -> None:
    for message in (data, ASKED[:2] + b"\1\0" + data, header() + data, header(additional=1) + QUESTION + data):
        try:
            query = read_query(message)
        except Unreadable as error:
            assert error.reply is None or len(error.reply) <= max(len(message), 12) + len(OPT)
        else:
            assert sum(len(label) + 1 for label in query.name) < 255
