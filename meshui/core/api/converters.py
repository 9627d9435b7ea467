"""How names are spelled in paths. What does not match is no such path: 404."""

from __future__ import annotations

from django.urls import register_converter
from django.urls.converters import StringConverter

from meshui.mesh.names import LABEL, VERSION


class Label(StringConverter):
    """A namespace or a service."""

    regex = LABEL.pattern


class VersionLabel(StringConverter):
    regex = VERSION.pattern


class PolicyKey(StringConverter):
    """A policy's name, or its id."""

    regex = rf"{VERSION.pattern}"


class Id(StringConverter):
    """An instance or a proxy."""

    regex = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"


def register() -> None:
    """Make ``<label:...>``, ``<version:...>`` and ``<id:...>`` known. Called once, when Django starts."""
    register_converter(Label, "label")
    register_converter(VersionLabel, "version")
    register_converter(Id, "id")
    register_converter(PolicyKey, "policy")
