"""Attacks use what the other suites have: real engines, the small mesh and its people, a mesh in delivery."""

from __future__ import annotations

from tests.conformance.conftest import guarded, mesh, own_mesh, scripted
from tests.meshui.conftest import admin, anonymous, catalog, clean_cache, operator, outsider, root, viewer
from tests.meshui.delivery.conftest import store, world

__all__ = [
    "admin",
    "anonymous",
    "catalog",
    "clean_cache",
    "guarded",
    "mesh",
    "operator",
    "outsider",
    "own_mesh",
    "root",
    "scripted",
    "store",
    "viewer",
    "world",
]
