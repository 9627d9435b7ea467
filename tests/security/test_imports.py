"""Files and documents that unpack or parse to more than they look like."""

from __future__ import annotations

import gzip
import time

import pytest

from tests.support.api import Api, everything, make_token, make_user

SIZE = 256 * 1024
"""The longest text that an import takes."""
BUDGET_S = 20.0
"""Of CPU time, on a slow machine: what is linear takes a tenth of it, what is square takes minutes."""


def many_keys() -> str:
    lines: list[str] = []
    size = 0
    while size < SIZE - 20:
        lines.append(f"k{len(lines)}: 1\n")
        size += len(lines[-1])
    return "".join(lines)


LAUGHS = "a: &a [x, x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join([f'*{chr(97 + n)}'] * 9)}]\n" for n in range(20)
)
BOMBS = {
    "a billion laughs": LAUGHS,
    "one alias": "a: &x {k: v}\nb: *x\n",
    "a merged alias": "a: &x {k: v}\nb: {<<: *x}\n",
    "a recursive one": "&x a: *x\n",
    "lists in lists": "[" * (SIZE - 1),
    "maps in maps": "{a: " * (SIZE // 4 - 1),
    "many keys": many_keys(),
    "a key twice": "kind: A\nkind: B\n",
    "many documents": "---\na\n" * (SIZE // 6),
    "code": "!!python/object/apply:os.system ['echo owned > /tmp/owned']\n",
    "an object": "a: !!python/name:os.system\n",
    "a number of many digits": "a: " + "9" * (SIZE - 10),
    "a date that is none": "a: 2001-99-99\n",
    "a key that is a list": "? [a, b]\n: c\n",
    "a text too long": "a" * (SIZE + 1),
}


@pytest.mark.parametrize("which", BOMBS)
def test_a_yaml_bomb_is_refused_in_time_and_changes_nothing(operator: Api, which: str) -> None:
    before, began = everything(), time.process_time()
    answer = operator.post("interchange/import/", {"text": BOMBS[which], "namespace": "shop"})
    assert answer.status == 400, answer.body
    assert answer.body["errors"][0]["path"] == "text"
    assert time.process_time() - began < BUDGET_S
    assert everything() == before


def test_spans_that_unpack_to_too_much_are_refused(catalog: object) -> None:
    app = Api(make_user("app", ("operator", "shop")))
    assert app.user is not None
    answer = app.client.post(
        "/v1/traces",
        gzip.compress(bytes(200_000_000)),
        content_type="application/x-protobuf",
        headers={"Authorization": f"Bearer {make_token(app.user)}", "Content-Encoding": "gzip"},
    )
    assert answer.status_code in (400, 413)
