"""The threat model names a test for each attack; this keeps the names true."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "THREAT_MODEL.md").read_text()
TABLE = TEXT.partition("## What an attacker tries")[2].partition("\n## ")[0]
ROWS = [line.strip("| ").split(" | ") for line in TABLE.splitlines() if line.startswith("| ")][1:]


def functions_in(file: Path) -> set[str]:
    tree = ast.parse(file.read_text())
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_the_table_is_found() -> None:
    assert len(ROWS) >= 35


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_every_attack_names_tests_that_exist(row: list[str]) -> None:
    named = re.findall(r"`(tests/[^`]+)`", row[-1])
    assert named, "no test is named"
    for reference in named:
        file, _, test = reference.partition("::")
        assert test in functions_in(ROOT / file), reference


def test_every_file_that_is_named_exists() -> None:
    named = {reference.partition("::")[0] for reference in re.findall(r"`(tests/[^`]+)`", TEXT)}
    assert named and not [name for name in named if not (ROOT / name).exists()]
