"""Two hosts on one cable, made of network namespaces: all that a test changes is in them, and goes with them.

A thread that enters one creates its sockets there, whatever the rest of the process does; and under another user's id,
where rules look at that.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path
from typing import TypeVar

from proxies.core.interception import Interception, apply_script

T = TypeVar("T")

CLONE_NEWNET = 0x40000000
SYS_SETFSUID = {"x86_64": 122, "aarch64": 151}
_libc = ctypes.CDLL(None, use_errno=True)


class Host:
    """A namespace with the addresses ``ipv4`` and ``ipv6``."""

    def __init__(self, name: str, ipv4: str, ipv6: str) -> None:
        self.name = name
        self.ipv4 = ipv4
        self.ipv6 = ipv6
        self._threads: dict[int, ThreadPoolExecutor] = {}

    def run(self, work: Callable[[], T], *, uid: int = 0) -> T:
        """Do the work in a thread of this host, as this user as far as its sockets are concerned."""
        if uid not in self._threads:
            self._threads[uid] = ThreadPoolExecutor(1, initializer=lambda: self._enter(uid))
        return self._threads[uid].submit(work).result(60)

    def command(self, *words: str) -> list[str]:
        """The words of a command that runs on this host."""
        return ["ip", "netns", "exec", self.name, *words]

    def close(self) -> None:
        for threads in self._threads.values():
            threads.shutdown()

    def _enter(self, uid: int) -> None:
        with Path(f"/run/netns/{self.name}").open("rb") as namespace:
            if _libc.setns(namespace.fileno(), CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "setns")
        if uid:
            _libc.syscall(SYS_SETFSUID[os.uname().machine], uid)  # of this thread alone


def unavailable() -> str:
    """Why there can be no namespaces here; empty where there can."""
    if os.geteuid() != 0:
        return "takes root"
    if os.uname().machine not in SYS_SETFSUID:
        return f"does not know the machine {os.uname().machine}"
    for program in ("ip", "nft"):
        if shutil.which(program) is None:
            return f"the program {program} is not installed"
    name = f"meshui-probe-{os.getpid()}"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True)
    if made.returncode:
        return made.stderr.strip()
    try:
        rules = apply_script(Interception(table="probe", uid=1, outbound=[(ip_address("127.0.0.1"), 1)]))
        command = ["ip", "netns", "exec", name, "nft", "-f", "-"]
        tried = subprocess.run(command, input=rules, capture_output=True, text=True)
        return tried.stderr.strip()
    finally:
        subprocess.run(["ip", "netns", "del", name], check=True)


@contextmanager
def two_hosts() -> Iterator[tuple[Host, Host]]:
    """Hosts that reach each other, and nobody else."""
    near = Host(f"meshui-near-{os.getpid()}", "10.77.0.1", "fd77::1")
    far = Host(f"meshui-far-{os.getpid()}", "10.77.0.2", "fd77::2")
    made: list[Host] = []
    try:
        for host in (near, far):
            _ip("netns", "add", host.name)
            made.append(host)
            _ip("-n", host.name, "link", "set", "lo", "up")
        _ip("link", "add", "cable", "netns", near.name, "type", "veth", "peer", "name", "cable", "netns", far.name)
        for host in (near, far):
            _ip("-n", host.name, "address", "add", f"{host.ipv4}/24", "dev", "cable")
            _ip("-n", host.name, "address", "add", f"{host.ipv6}/64", "dev", "cable", "nodad")
            _ip("-n", host.name, "link", "set", "cable", "up")
        yield near, far
    finally:
        for host in made:
            host.close()
            _ip("netns", "del", host.name)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)
