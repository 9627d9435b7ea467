"""Bodies: however the bytes are cut, the same payload and the same end are found."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxies.core.errors import BadMessage
from proxies.core.framing import ChunkedReader, LengthReader, chunk, last_chunk


def cut(data: bytes, places: list[int]) -> list[bytes]:
    bounds = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    return [data[a:b] for a, b in pairwise(bounds)]


PLACES = st.lists(st.integers(0, 10_000), max_size=12)


@given(st.lists(st.binary(min_size=1, max_size=50), max_size=6), st.binary(max_size=20), PLACES)
def test_chunks_cut_anywhere(pieces: list[bytes], behind: bytes, places: list[int]) -> None:
    encoded = b"".join(map(chunk, pieces)) + last_chunk((b"x-sum: 1",)) + behind
    reader = ChunkedReader()
    payload = left = b""
    for piece in cut(encoded, places):
        if reader.done:
            left += piece
        else:
            found, left = reader.feed(piece)
            payload += found
    assert reader.done
    assert (payload, left, reader.trailers) == (b"".join(pieces), behind, (b"x-sum: 1",))


@given(st.binary(max_size=300), PLACES)
def test_no_bytes_break_the_reader(data: bytes, places: list[int]) -> None:
    outcomes = []
    for pieces in ([data], cut(data, places)):
        reader = ChunkedReader()
        payload = b""
        try:
            for piece in pieces:
                if not reader.done:
                    payload += reader.feed(piece)[0]
        except BadMessage:
            outcomes.append("bad")
        else:
            outcomes.append(str((reader.done, payload if reader.done else "")))
    assert outcomes[0] == outcomes[1]


@pytest.mark.parametrize(
    "data",
    [
        b"\r\n",
        b" 1\r\n",
        b"1 \r\na",
        b"-1\r\n",
        b"1\n",
        b"g\r\n",
        b"1\r\nab",
        b"1\r\na\rX",
        b"0\r\nx y: z\r\n\r\n",
        b"0\r\nx\r\n\r\n",
    ],
)
def test_what_is_no_chunk(data: bytes) -> None:
    with pytest.raises(BadMessage):
        ChunkedReader().feed(data)


@given(st.binary(max_size=100), st.binary(max_size=20), PLACES)
def test_lengths_cut_anywhere(body: bytes, behind: bytes, places: list[int]) -> None:
    reader = LengthReader(len(body))
    payload = left = b""
    for piece in cut(body + behind, places):
        found, rest = reader.feed(piece)
        payload += found
        left += rest
    assert (reader.done, payload, left) == (True, body, behind)
