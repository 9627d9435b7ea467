"""The compiled copy: used for the sources it was made from and for no others, and the same in all it says."""

from __future__ import annotations

import ast
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxies import compiled
from tests.proxies.core.reader import read

needs_compiler = pytest.mark.skipif(
    not (shutil.which("cc") and importlib.util.find_spec("setuptools") and importlib.util.find_spec("mypyc")),
    reason="no compiler here: there is one way to run",
)
OTHER_MODE = "0" if compiled.ACTIVE else "1"


def load(tree: Path) -> ModuleType:
    """``proxies.compiled`` as a new process with the sources of this tree would have it."""
    spec = importlib.util.spec_from_file_location("compiled_anew", tree / "proxies" / "compiled.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the sources, and an environment without compiled copies."""
    shutil.copytree(compiled.ROOT / "proxies", tmp_path / "proxies", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "venv"))
    monkeypatch.delenv("MESHUI_COMPILED", raising=False)
    return tmp_path


def test_a_copy_of_these_sources_comes_first_and_can_be_turned_off(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = load(tree)
    assert not before.ACTIVE
    assert before.places("core", ["sources"]) == ["sources"]
    before.folder().mkdir(parents=True)
    after = load(tree)
    assert after.ACTIVE
    assert after.places("core", ["sources"]) == [str(before.folder() / "proxies" / "core"), "sources"]
    monkeypatch.setenv("MESHUI_COMPILED", "0")
    assert load(tree).places("core", ["sources"]) == ["sources"]


@pytest.mark.parametrize("module", ["core/head.py", "core/zone.py", "wire/resources.py"])
def test_a_copy_of_other_sources_is_not_found(tree: Path, module: str) -> None:
    load(tree).folder().mkdir(parents=True)
    with (tree / "proxies" / module).open("a") as file:
        file.write("# changed\n")
    assert not load(tree).ACTIVE


def test_what_cannot_be_compiled_is_said_in_one_line_and_runs(tree: Path) -> None:
    with (tree / "proxies" / "core" / "head.py").open("a") as file:
        file.write("\n\nLENGTH: int = 'no number'\n")
    run = subprocess.run(
        [sys.executable, "-m", "proxies.compile"], cwd=tree, capture_output=True, text=True, check=True, timeout=120
    )
    assert run.stdout.count("\n") == 1
    assert "run uncompiled" in run.stdout


@needs_compiler
def test_all_hot_modules_can_be_compiled() -> None:
    subprocess.run([sys.executable, "-m", "proxies.compile"], cwd=compiled.ROOT, check=True, timeout=300)
    assert compiled.folder().is_dir()


def test_no_function_gives_exceptions_of_two_types_one_name() -> None:
    """mypyc takes the second for one of the first type, and raises TypeError where it is none."""
    found = []
    for file in (file for package in ("core", "net", "wire") for file in compiled.hot(package)):
        for function in ast.walk(ast.parse((compiled.ROOT / file).read_text())):
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                types: dict[str, set[str]] = {}
                for node in ast.walk(function):
                    if isinstance(node, ast.ExceptHandler) and node.name and node.type is not None:
                        types.setdefault(node.name, set()).add(ast.unparse(node.type))
                found += [f"{file}: {function.name}: {name}" for name, of in types.items() if len(of) > 1]
    assert not found


@needs_compiler
def test_conformance_holds_in_the_other_mode() -> None:
    cases = ["tests/conformance/test_strictness.py", "tests/conformance/test_bodies.py", "tests/proxies/net"]
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *cases],
        cwd=compiled.ROOT,
        env={**os.environ, "MESHUI_COMPILED": OTHER_MODE},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert run.returncode == 0, run.stdout


@pytest.fixture(scope="module")
def other() -> Iterator[subprocess.Popen[str]]:
    """A process that reads messages in the other mode."""
    environment = {**os.environ, "MESHUI_COMPILED": OTHER_MODE}
    with subprocess.Popen(
        [sys.executable, "-m", "tests.proxies.core.reader"],
        cwd=compiled.ROOT,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield process
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(30) == 0


NAMES = """host Host content-length transfer-encoding connection upgrade te expect via traceparent tracestate
    x-request-id x-forwarded-for cookie accept x-a keep-alive"""
VALUES = """a a:80 [::1] 1 01 -1 chunked gzip,chunked close keep-alive x-a,close websocket h2c 100-continue meshui-x
    00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01 */*"""
FIRST = """GET / HTTP/1.1|GET /a/../b?x=%2F HTTP/1.1|POST http://a/x HTTP/1.0|OPTIONS * HTTP/1.1|PUT /a%2fb HTTP/1.1|
GET //a/./b.c HTTP/1.1|GET / HTTP/2.0|CONNECT a:1 HTTP/1.1|HTTP/1.1 200 OK|HTTP/1.0 304 |HTTP/1.1 101 x"""
NOISE = st.binary(max_size=12)
LINES = st.one_of(
    st.tuples(
        st.sampled_from(NAMES.split()), st.sampled_from([":", ": ", " :", ""]), st.sampled_from(VALUES.split())
    ).map(lambda parts: "".join(parts).encode()),
    NOISE,
)
HEADS = st.tuples(
    st.sampled_from(FIRST.encode().split(b"|")),
    st.sampled_from([b"host: a", b"Host: A:80", b"x: y"]),
    st.lists(LINES, max_size=8),
).map(lambda parts: b"\r\n".join((parts[0], parts[1], *parts[2])))
CHUNKS = st.lists(
    st.one_of(st.sampled_from([b"3\r\nabc\r\n", b"a;x=y\r\n0123456789\r\n", b"0\r\n\r\n", b"0\r\nx: y\r\n\r\n"]), NOISE)
).map(b"".join)
MESSAGES = st.one_of(
    st.tuples(st.just("request"), st.one_of(HEADS, NOISE)),
    st.tuples(st.just("response"), st.one_of(HEADS, NOISE)),
    st.tuples(st.just("chunks"), CHUNKS),
)


@needs_compiler
@settings(max_examples=3000, deadline=None)
@given(MESSAGES)
def test_both_modes_read_every_message_alike(other: subprocess.Popen[str], message: tuple[str, bytes]) -> None:
    kind, data = message
    assert other.stdin is not None
    assert other.stdout is not None
    other.stdin.write(f"{kind} {data.hex()}\n")
    other.stdin.flush()
    assert other.stdout.readline() == read(kind, data) + "\n"
