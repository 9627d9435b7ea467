"""``python -m proxies intercept``: print the rules that redirect an app's connections, apply or remove them.

Needs the program ``nft`` and, to change anything, the right to administer the network (CAP_NET_ADMIN).
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from ipaddress import ip_address, ip_network

from proxies.core.addresses import loopback
from proxies.core.interception import Interception, Network, Outbound, apply_script, remove_script

_TABLE = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,31}")
TIMEOUT_S = 30


def main(words: Sequence[str]) -> int:
    """Run the command; returns the exit status: 0 done, 1 refused by ``nft``. Usage errors exit with 2."""
    parser = _parser()
    options = parser.parse_args(words)
    if options.remove:
        return _run(remove_script(options.table))
    if options.uid is None:
        parser.error("--uid is required: the proxy's own connections must not come back to it")
    if not options.outbound and not options.inbound_port:
        parser.error("nothing to intercept: give --outbound, or --inbound-port and --capture")
    if bool(options.inbound_port) != bool(options.capture):
        parser.error("--inbound-port and --capture belong together")
    if len({address.version for address, _ in options.outbound}) != len(options.outbound):
        parser.error("--outbound takes one listener for each family")
    script = apply_script(
        Interception(
            table=options.table,
            uid=options.uid,
            outbound=options.outbound,
            mark=options.mark,
            excluded_ports=options.exclude_port,
            excluded_networks=options.exclude,
            inbound_port=options.inbound_port,
            capture=options.capture,
        )
    )
    if options.apply:
        return _run(script)
    print(script, end="")  # noqa: T201
    return 0


def _run(script: str) -> int:
    nft = shutil.which("nft", path="/usr/sbin:/sbin:/usr/bin:/usr/local/sbin")
    if nft is None:
        print("proxies: the program nft is not installed", file=sys.stderr)  # noqa: T201
        return 1
    done = subprocess.run([nft, "-f", "-"], input=script, text=True, capture_output=True, timeout=TIMEOUT_S)  # noqa: S603
    if done.returncode:
        print(f"proxies: nft: {done.stderr.strip()}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m proxies intercept",
        description="Redirect an app's TCP connections to a proxy on this host. Prints the rules, unless told to act.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--uid", type=_number, help="the proxy's user: what it sends is left alone")
    add(
        "--outbound",
        type=_outbound,
        action="append",
        default=[],
        metavar="ADDRESS:PORT",
        help="a transparent listener of the proxy, on loopback; one for each of IPv4 and IPv6",
    )
    add("--exclude", type=_network, action="append", default=[], metavar="CIDR", help="destinations left alone")
    add("--exclude-port", type=_port, action="append", default=[], metavar="PORT", help="ports left alone")
    add("--mark", type=_number, default=0, metavar="MARK", help="packets that carry this mark are left alone")
    add("--inbound-port", type=_port, default=0, metavar="PORT", help="where the proxy receives for the app")
    add("--capture", type=_port, action="append", default=[], metavar="PORT", help="a port of the app to receive for")
    add("--table", type=_table, default="meshui", help="the name of the table (meshui); one for each proxy of a host")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--apply", action="store_true", help="put the rules in force, replacing the table's former ones")
    what.add_argument("--remove", action="store_true", help="remove the table")
    return parser


def _outbound(text: str) -> Outbound:
    host, port = loopback(text)
    return ip_address(host), _port(str(port))


def _network(text: str) -> Network:
    return ip_network(text)


def _number(text: str) -> int:
    number = int(text, 0)
    if not 0 <= number < 1 << 32:
        raise ValueError(f"{number} is out of range")
    return number


def _port(text: str) -> int:
    port = int(text)
    if not 1 <= port <= 65535:
        raise ValueError(f"{port} is no port")
    return port


def _table(text: str) -> str:
    if not _TABLE.fullmatch(text):
        raise ValueError(f"{text!r} is no name of a table")
    return text
