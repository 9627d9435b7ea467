"""Which identity a proxy starts with, and what its state folder is worth."""

from __future__ import annotations

import asyncio
from pathlib import Path
from time import time
from typing import Any

import msgspec
import pytest

from proxies.agent import identity as identities
from proxies.agent import state as states
from proxies.agent.command import Options, parse
from proxies.agent.identity import JoinError, establish
from proxies.agent.orders import Granted, Order, Outcome, Refused
from proxies.agent.state import Identity, Keeper, StateDir, StateError
from proxies.wire.join import JoinResponse

JOINED = JoinResponse(
    proxy_id="px-1",
    service="shop/catalog",
    version="v1",
    identity="spiffe://mesh.local/ns/shop/svc/catalog",
    certificate="chain",
    bundle=["root"],
    redis_url="redis://127.0.0.1:1",
    redis_username="px-1",
    redis_password="secret",
    report_key="00",
)


def options(folder: Path, *more: str, token: str = "") -> Options:
    (folder / "token").write_text(f"{token}\n")
    words = ["--join", "http://127.0.0.1:1", "--name", "catalog-1", "--state", str(folder / "state")]
    return parse([*words, "--token-file", str(folder / "token"), "--outbound", "127.0.0.1:26005", *more])


def kept(asked: Options, not_after: float = 3600) -> Identity:
    now = time()
    return Identity(
        name=asked.name,
        listeners=asked.listeners(),
        admin=asked.admin_text(),
        joined=JOINED,
        key="kept",
        obtained_at=now - 10,
        not_after=now + not_after,
    )


@pytest.fixture
def orders(monkeypatch: pytest.MonkeyPatch) -> list[Order]:
    """What was asked of the control plane, which grants it."""
    placed: list[Order] = []

    async def place(order: Order) -> Outcome:
        placed.append(order)
        return Granted(answer=msgspec.to_builtins(JOINED), key="new", obtained_at=time(), not_after=time() + 60)

    monkeypatch.setattr(identities, "place", place)
    return placed


async def test_a_kept_identity_needs_no_token_and_no_control_plane(tmp_path: Path, orders: list[Order]) -> None:
    asked = options(tmp_path, token="unused")
    state = StateDir(asked.state)
    state.keep_identity(kept(asked))
    assert (await establish(asked, state)).key == "kept"
    assert not orders


@pytest.mark.parametrize(
    ("not_after", "more"),
    [(-1, ()), (3600, ("--admin", "127.0.0.1:26006")), (3600, ("--locality", "eu/a")), (3600, ("--weight", "50"))],
    ids=["ended", "moved", "elsewhere", "heavier"],
)
async def test_a_token_joins_anew_where_the_kept_one_is_of_no_use(
    tmp_path: Path, orders: list[Order], not_after: float, more: tuple[str, ...]
) -> None:
    state = StateDir(tmp_path / "state")
    state.keep_identity(kept(options(tmp_path), not_after))
    found = await establish(options(tmp_path, *more, token="fresh"), state)
    assert found.key == "new"
    assert state.identity() == found
    assert len(orders) == 1


async def test_without_a_token_an_ended_certificate_still_serves_what_needs_none(
    tmp_path: Path, orders: list[Order]
) -> None:
    asked = options(tmp_path)
    state = StateDir(asked.state)
    state.keep_identity(kept(asked, -1))
    assert (await establish(asked, state)).key == "kept"


@pytest.mark.parametrize(
    ("keep", "more", "why"),
    [
        (False, (), "no identity"),
        (True, ("--gateway", "127.0.0.1:26007"), "other addresses"),
        (True, ("--name", "catalog-2"), "belongs to proxy 'catalog-1'"),
    ],
)
async def test_what_cannot_become_a_member_says_why(
    tmp_path: Path, orders: list[Order], keep: bool, more: tuple[str, ...], why: str
) -> None:
    state = StateDir(tmp_path / "state")
    if keep:
        state.keep_identity(kept(options(tmp_path)))
    with pytest.raises(JoinError, match=why):
        await establish(options(tmp_path, *more), state)
    assert not orders


async def test_it_waits_for_a_control_plane_and_not_for_a_refusal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = [Refused(detail="away", final=False), Refused(detail="used up", final=True)]

    async def place(order: Order) -> Outcome:
        return answers.pop(0)

    monkeypatch.setattr(identities, "place", place)
    monkeypatch.setattr(identities.Backoff, "delay", lambda *_: 0)
    with pytest.raises(JoinError, match="used up"):
        await establish(options(tmp_path, token="x"), StateDir(tmp_path / "state"))
    assert not answers


def test_a_token_comes_from_its_file_or_else_the_environment(tmp_path: Path) -> None:
    asked = options(tmp_path, token="from-file")
    assert asked.token({"MESHUI_JOIN_TOKEN": "from-env"}) == "from-file"
    (tmp_path / "token").unlink()
    assert asked.token({"MESHUI_JOIN_TOKEN": "from-env"}) == "from-env"
    assert asked.token({}) == ""


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--inbound", "127.0.0.1:1"),
        ("--outbound", "nowhere"),
        ("--outbound", "127.0.0.1:99999"),
        ("--outbound", "127.0.0.1:1", "--join", "ftp://x"),
        ("--outbound", "127.0.0.1:1", "--token", "secret"),
        ("--outbound", "127.0.0.1:1", "--locality", "Europe"),
        ("--outbound", "127.0.0.1:1", "--weight", "0"),
    ],
)
def test_wrong_options_end_with_a_usage_error(words: tuple[str, ...], capsys: Any) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(["--join", "http://127.0.0.1:1", "--name", "n", "--state", "/tmp/x", *words])
    assert ended.value.code == 2


# --- the state folder ---------------------------------------------------------------------------------------------


def test_a_damaged_identity_is_said(tmp_path: Path) -> None:
    state = StateDir(tmp_path)
    (tmp_path / "identity.msgpack").write_bytes(b"\xc1")
    with pytest.raises(StateError, match="join again"):
        state.identity()


def test_damaged_resources_are_read_anew(tmp_path: Path) -> None:
    state = StateDir(tmp_path)
    (tmp_path / "resources.msgpack").write_bytes(b"\x82half")
    assert state.resources() == {}


async def test_changes_are_written_together_and_the_last_one_at_the_end(tmp_path: Path) -> None:
    state = StateDir(tmp_path)
    contents: dict[str, bytes] = {}
    keeper = Keeper(state, lambda: dict(contents))
    async with asyncio.TaskGroup() as group:
        task = group.create_task(keeper.run())
        for number in range(100):
            contents[f"service:a/{number}"] = b"x"
            keeper.changed()
        async with asyncio.timeout(5):
            while not (tmp_path / "resources.msgpack").exists():
                await asyncio.sleep(0.01)
        assert len(state.resources()) == 100
        contents["trust"] = b"y"
        keeper.changed()
        task.cancel()
    assert state.resources() == contents


async def test_a_disk_that_fails_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(states, "SAVE_EVERY_S", 0.01)
    state = StateDir(tmp_path)
    failures = [OSError("full"), OSError("full")]
    keep = state.keep_resources

    def failing(contents: dict[str, bytes]) -> None:
        if failures:
            raise failures.pop()
        keep(contents)

    monkeypatch.setattr(state, "keep_resources", failing)
    keeper = Keeper(state, lambda: {"trust": b"x"})
    async with asyncio.TaskGroup() as group:
        task = group.create_task(keeper.run())
        keeper.changed()
        async with asyncio.timeout(5):
            while not (tmp_path / "resources.msgpack").exists():
                await asyncio.sleep(0.01)
        task.cancel()
    assert state.resources() == {"trust": b"x"}


def test_a_folder_has_one_process_at_a_time(tmp_path: Path) -> None:
    first = StateDir(tmp_path)
    with pytest.raises(StateError):
        StateDir(tmp_path)
    first.close()
    StateDir(tmp_path).close()
