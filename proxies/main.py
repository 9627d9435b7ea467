"""The command line of a proxy, and the stack it composes, top to bottom.

python -m proxies run --resources FILE.json [--admin 127.0.0.1:PORT]     serve a file, no control plane needed
python -m proxies run --join URL ...                                     serve what a control plane publishes
python -m proxies run --join URL --node FILE.json ...                    the same, for several services of this host
python -m proxies run ... --workers N                                    the same, in N processes
python -m proxies intercept ...                                          redirect an app's connections to a proxy
python -m proxies check FILE.json                                        validate a file
python -m proxies schema                                                 print the JSON Schema of such a file
python -m proxies version                                                say which release it is, and if it is compiled
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import logging
import resource
import signal
import sys
from collections.abc import Callable, Coroutine
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import uvloop

from proxies import compiled
from proxies.core.addresses import ACCESS_LOG_HELP, STDOUT, address, loopback, workers
from proxies.net.admin import pages_of, serve_admin, with_spans
from proxies.net.engine import Engine
from proxies.net.lines import lines_to
from proxies.net.standalone import FileConfiguration, TlsFiles, load
from proxies.wire.release import VERSION
from proxies.wire.resources import ResourceError, json_schema

if TYPE_CHECKING:
    from proxies.agent.dns import DnsServer
    from proxies.workers.fleet import Fleet

_LOG_FORMAT = "%(asctime)s %(levelname)s %(message)s"


def main(arguments: list[str] | None = None) -> int:
    """Run a command; returns the exit status: 0 done, 1 refused input (usage errors exit with 2)."""
    words = sys.argv[1:] if arguments is None else arguments
    logging.basicConfig(level=logging.INFO, format=_LOG_FORMAT, stream=sys.stderr)
    try:
        if words[:1] == ["intercept"]:
            return _intercept(words[1:])
        flags = {word.split("=")[0] for word in words} if words[:1] == ["run"] else set()
        if "--node" in flags:
            return _run_node(words[1:])
        if "--join" in flags:
            return _run_joined(words[1:])
        options = _parser().parse_args(words)
        return int(options.command(options))
    except (ResourceError, OSError) as error:
        print(f"proxies: {error}", file=sys.stderr)  # noqa: T201
        return 1


def run_loop(stack: Coroutine[Any, Any, None]) -> int:
    """Run a composed stack on the engine's event loop until it ends by itself. Returns the exit status."""
    # What is alive now stays alive: the collector need not walk it again. Requests make few cycles.
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
    _allow_files()
    uvloop.run(stack)
    return 0


def _allow_files() -> None:
    """As many as the system lets this process open: each connection is one, and the soft limit is often 1024."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):  # where the system grants less than it said
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


async def serve_until_told(
    engine: Engine | Fleet,
    admin: tuple[str, int] | None,
    dns: tuple[str, int] | None,
    more_metrics: Callable[[], str] = str,
    *,
    alone: bool = False,
) -> None:
    """Serve until SIGTERM or SIGINT, then drain; a second signal ends at once. ``admin`` and ``dns`` are ports that are
    open meanwhile. One that is ``alone`` reports to nobody, and shows its spans there."""
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    shown = pages_of(engine, more_metrics)
    if alone:
        shown = with_spans(shown, engine.spans)
    pages = await serve_admin(shown, *admin) if admin is not None else None
    names = await _serve_dns(engine, dns) if dns is not None else None
    await told.wait()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, engine.stop)
    logging.getLogger("meshui.proxy").info("draining for at most %g s", engine.drain_s)
    await engine.drain()
    for side in (pages, names):
        if side is not None:
            side.close()


async def _serve_dns(engine: Engine | Fleet, dns: tuple[str, int]) -> DnsServer:
    # A proxy that answers no names does without it.
    from proxies.agent.dns import serve_dns

    return await serve_dns(engine, *dns)


async def _serve_file(options: argparse.Namespace, tls: TlsFiles | None) -> None:
    engine, more_metrics = await _start_engine(options.workers, options.access_log)
    configuration = FileConfiguration(engine, options.resources, tls)
    try:
        configuration.apply()
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, configuration.reload)
        await serve_until_told(engine, options.admin, options.dns, more_metrics, alone=True)
    finally:
        engine.stop()


async def _start_engine(workers: int, access_log: str) -> tuple[Engine | Fleet, Callable[[], str]]:
    """An engine without shared counts, and what it tells beside the metrics of its traffic."""
    if workers > 1:
        fleet = await _start_fleet(workers, shared_counts=False, access_log=access_log)
        return fleet, fleet.more_metrics
    engine = Engine(log_lines=lines_to(access_log))
    engine.start()
    return engine, str


async def _start_fleet(workers: int, *, shared_counts: bool, access_log: str) -> Fleet:
    # A proxy of one process does without it.
    from proxies.workers.fleet import Fleet

    fleet = Fleet(workers, shared_counts=shared_counts, access_log=access_log)
    try:
        await fleet.start()
    except BaseException:
        fleet.stop()
        raise
    return fleet


def _run(options: argparse.Namespace) -> int:
    files = (options.cert, options.key, options.ca)
    if any(files) and not all(files):
        raise ResourceError("--cert, --key and --ca belong together")
    return run_loop(_serve_file(options, TlsFiles(*files) if all(files) else None))


def _run_joined(words: list[str]) -> int:
    # A proxy that serves a file does without all this.
    from proxies.agent.agent import joined
    from proxies.agent.command import parse
    from proxies.agent.counts import RedisCounts
    from proxies.agent.identity import JoinError

    options = parse(words)
    logging.getLogger().setLevel(options.log_level.upper())

    async def serve() -> None:
        counts = RedisCounts()
        engine = Engine(counts, log_lines=lines_to(options.access_log))
        engine.start()
        async with joined(options, engine, lambda _, connection: counts.use(connection)) as agent:
            await serve_until_told(engine, options.admin, options.dns, agent.metrics)

    async def serve_by_workers() -> None:
        fleet = await _start_fleet(options.workers, shared_counts=True, access_log=options.access_log)
        try:
            async with joined(options, fleet, lambda login, _: fleet.link(login)) as agent:
                more_metrics = partial(_joined_text, agent.metrics, fleet.more_metrics)
                await serve_until_told(fleet, options.admin, options.dns, more_metrics)
        finally:
            fleet.stop()

    try:
        return run_loop(serve() if options.workers == 1 else serve_by_workers())
    except JoinError as error:
        print(f"proxies: {error}", file=sys.stderr)  # noqa: T201
        return 1


def _run_node(words: list[str]) -> int:
    # A proxy of one service does without it.
    from proxies.node.node import Node
    from proxies.node.services import parse

    options = parse(words)
    logging.getLogger().setLevel(options.log_level.upper())

    async def serve() -> None:
        await Node(options).serve()

    return run_loop(serve())


def _joined_text(*texts: Callable[[], str]) -> str:
    return "".join(text() for text in texts)


def _intercept(words: list[str]) -> int:
    # Nothing that serves needs it.
    from proxies.net.intercept import main as intercept

    return intercept(words)


def _check(options: argparse.Namespace) -> int:
    resources = load(options.file)
    print(f"{options.file}: {len(resources)} resources, all good")  # noqa: T201
    return 0


def _schema(options: argparse.Namespace) -> int:
    print(json.dumps(json_schema(), indent=2))  # noqa: T201
    return 0


def _version(options: argparse.Namespace) -> int:
    print(f"meshui proxy {VERSION}, {'compiled' if compiled.ACTIVE else 'not compiled'}")  # noqa: T201
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m proxies", description="A proxy of the mesh.")
    commands = parser.add_subparsers(required=True, metavar="command")
    run = commands.add_parser("run", help="serve a resource file, or join a control plane (run --join URL --help)")
    run.add_argument("--resources", type=Path, metavar="FILE", required=True, help="the file to serve")
    run.add_argument("--admin", type=address, metavar="ADDRESS:PORT", help="where to serve /metrics, /ready, /config")
    run.add_argument("--dns", type=loopback, metavar="ADDRESS:PORT", help="where to answer names under .mesh")
    run.add_argument("--cert", type=Path, metavar="FILE", help="PEM certificate chain for mTLS, leaf first")
    run.add_argument("--key", type=Path, metavar="FILE", help="PEM private key of the certificate")
    run.add_argument("--ca", type=Path, metavar="FILE", help="PEM root certificates to trust")
    run.add_argument("--access-log", metavar="FILE", default=STDOUT, help=ACCESS_LOG_HELP)
    run.add_argument("--workers", type=workers, default=1, metavar="N", help="processes that share the ports")
    run.set_defaults(command=_run)
    check = commands.add_parser("check", help="validate a resource file")
    check.add_argument("file", type=Path)
    check.set_defaults(command=_check)
    schema = commands.add_parser("schema", help="print the JSON Schema of a resource file")
    schema.set_defaults(command=_schema)
    version = commands.add_parser("version", help="say which release this is, and if its hot modules are compiled")
    version.set_defaults(command=_version)
    return parser
