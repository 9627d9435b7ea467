"""Hypothesis strategies for services of the mesh, all of them valid."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

from meshui.mesh import values
from meshui.mesh.names import LABEL, VERSION, ServiceName

LABELS = st.from_regex(LABEL, fullmatch=True)
VERSIONS = st.from_regex(VERSION, fullmatch=True)
NAMES = st.builds(ServiceName, LABELS, LABELS)
METHODS = st.sampled_from(["GET", "HEAD", "POST", "PUT", "DELETE"])
PATHS = st.from_regex(r"/[a-z0-9/]{0,20}", fullmatch=True)


@st.composite
def splits(draw: st.DrawFn, versions: Sequence[str]) -> dict[str, int]:
    """Weights for some of the versions, summing to 100."""
    chosen = draw(st.lists(st.sampled_from(versions), min_size=1, max_size=len(versions), unique=True))
    cuts = sorted(draw(st.integers(0, 100)) for _ in chosen[1:])
    edges = [0, *cuts, 100]
    return {version: edges[i + 1] - edges[i] for i, version in enumerate(chosen)}


HEADERS = st.builds(
    values.HeaderMatch,
    name=st.from_regex(r"[a-zA-Z][a-zA-Z-]{0,10}", fullmatch=True),
    kind=st.sampled_from(["exact", "prefix"]),
    value=st.from_regex(r"[a-z0-9]{1,10}", fullmatch=True),
    invert=st.booleans(),
)
FIELDS = st.builds(
    values.FieldMatch,
    name=st.text(min_size=1, max_size=10),
    kind=st.sampled_from(["exact", "prefix", "regex"]),
    value=st.from_regex(r"[a-z0-9]{1,10}", fullmatch=True),
    invert=st.booleans(),
)
MATCHES = st.builds(
    values.RouteMatch,
    path=st.none()
    | st.builds(values.PathMatch, kind=st.sampled_from(["exact", "prefix", "template", "regex"]), value=PATHS),
    methods=st.lists(METHODS, max_size=4),
    headers=st.lists(HEADERS, max_size=3),
    query=st.lists(FIELDS, max_size=2),
    cookies=st.lists(FIELDS, max_size=2),
    sources=st.lists(
        st.builds(lambda name, all_: f"{name.namespace}/{'*' if all_ else name.name}", NAMES, st.booleans())
    ),
)


@st.composite
def services(draw: st.DrawFn) -> values.Service:
    versions = draw(st.lists(VERSIONS, min_size=1, max_size=4, unique=True))
    names = draw(st.lists(LABELS, min_size=1, max_size=4, unique=True))
    ids = draw(st.lists(LABELS, max_size=5, unique=True))
    return values.Service(
        name=draw(NAMES),
        trust_domain="mesh.local",
        versions=tuple(versions),
        split=draw(splits(versions)),
        routes=tuple(
            values.Route(name=name, match=draw(MATCHES), weights=draw(st.none() | splits(versions))) for name in names
        ),
        instances=tuple(
            values.Instance(
                id=instance,
                address="10.0.0.1",
                port=draw(st.integers(1, 65535)),
                version=draw(st.sampled_from(versions)),
                tls=draw(st.booleans()),
                healthy=draw(st.booleans()),
                draining=draw(st.booleans()),
            )
            for instance in ids
        ),
    )
