"""The embedded servers are real ones, reached by nobody without their passwords."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from meshui.config import embedded
from meshui.config.datadir import DataDir
from tests.support.poll import until


@pytest.fixture
def data(tmp_path: Path) -> DataDir:
    return DataDir(tmp_path / "data")


class Running:
    def __init__(self, server: embedded.Server) -> None:
        self.server = server
        server.prepare()
        self.process = subprocess.Popen(server.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until(server.ready, f"{server.name} answers")

    def stop(self) -> int:
        self.process.send_signal(self.server.stop)
        return self.process.wait(20)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(20)


@pytest.fixture
def valkey(data: DataDir) -> Iterator[Running]:
    running = Running(embedded.valkey(data))
    yield running
    running.stop()


def test_postgres_keeps_its_rows_and_its_port_over_a_restart(data: DataDir) -> None:
    first = Running(embedded.postgres(data))
    with psycopg.connect(first.server.url) as db:
        db.execute("CREATE TABLE kept (n int)")
        db.execute("INSERT INTO kept VALUES (7)")
    assert first.stop() == 0

    second = Running(embedded.postgres(data))
    assert second.server.url == first.server.url
    with psycopg.connect(second.server.url) as db:
        assert db.execute("SELECT n FROM kept").fetchall() == [(7,)]
        assert db.execute("SHOW fsync").fetchone() == ("on",)
    assert second.stop() == 0


def test_postgres_refuses_a_wrong_password_and_its_superuser(data: DataDir) -> None:
    running = Running(embedded.postgres(data))
    try:
        wrong = running.server.url.replace(data.secret("postgres", str), "wrong")
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(wrong)
        with pytest.raises(psycopg.OperationalError, match=r"pg_hba\.conf"):
            psycopg.connect(running.server.url.replace("meshui:", "postgres:"))
    finally:
        running.stop()


def test_a_cluster_half_made_by_a_crash_is_made_anew(data: DataDir) -> None:
    (data.path / "postgres.new").mkdir()
    running = Running(embedded.postgres(data))
    assert running.stop() == 0


def test_valkey_refuses_a_client_without_the_password(valkey: Running) -> None:
    anonymous = "redis://" + valkey.server.url.rpartition("@")[2]
    with redis.Redis.from_url(anonymous) as client, pytest.raises(redis.AuthenticationError):
        client.ping()


def test_valkey_keeps_keys_and_acl_users_through_kill_9(data: DataDir) -> None:
    first = Running(embedded.valkey(data))
    with redis.Redis.from_url(first.server.url) as client:
        client.set("kept", "7")
        client.acl_setuser("proxy", enabled=True, passwords=["+secret"], commands=["+get"], keys=["kept"])
        client.acl_save()
        client.execute_command("WAITAOF", 1, 0, 5000)
    first.kill()

    second = Running(embedded.valkey(data))
    try:
        as_proxy = second.server.url.replace(f"default:{data.secret('valkey', str)}", "proxy:secret")
        with redis.Redis.from_url(as_proxy) as client:
            assert client.get("kept") == b"7"
    finally:
        second.stop()


def test_secrets_are_for_their_owner_alone(data: DataDir) -> None:
    embedded.valkey(data).prepare()
    for name in ("secrets/valkey", "valkey/valkey.conf", "valkey/users.acl", "ports.json"):
        assert stat.S_IMODE((data.path / name).stat().st_mode) == 0o600, name


def test_a_taken_port_is_chosen_again(data: DataDir) -> None:
    first = data.ports(["a", "b"])
    with socket.create_server(("127.0.0.1", first["a"])):
        second = data.ports(["a", "b"])
    assert second["a"] != first["a"]
    assert second["b"] == first["b"]
    assert data.ports(["a"])["a"] == second["a"]


def test_two_copies_never_share_a_port(tmp_path: Path) -> None:
    names = [f"p{i}" for i in range(60)]
    copies = [DataDir(tmp_path / str(i), range(23_500, 23_500 + 64 * 3)) for i in range(3)]
    ports = [port for copy in copies for port in copy.ports(names).values()]
    assert len(set(ports)) == 180
    with pytest.raises(OSError, match="no free block"):
        DataDir(tmp_path / "late", range(23_500, 23_500 + 64 * 3)).ports(["a"])


def test_a_copy_takes_its_block_again_and_another_where_it_is_gone(tmp_path: Path) -> None:
    first = DataDir(tmp_path).ports(["a"])
    second = DataDir(tmp_path)
    assert second.ports(["a"]) == first
    assert DataDir(tmp_path).ports(["a"]) != first


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to become another user for PostgreSQL")
def test_root_reaches_postgres_below_a_private_folder(tmp_path: Path) -> None:
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    data = DataDir(private / "data")
    running = Running(embedded.postgres(data))
    assert (data.path / "postgres").stat().st_uid != 0
    assert stat.S_IMODE(private.stat().st_mode) == 0o701, "others may pass through, not list"
    running.stop()
