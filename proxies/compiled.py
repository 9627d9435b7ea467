"""The hot modules as machine code: where their compiled copy lies, and which sources it may stand for.

``proxies.compile`` makes the copy, with mypyc, from the same sources that run without it. Its folder is named by a
fingerprint of those sources and of this Python, so that a copy of anything else is never found. ``MESHUI_COMPILED=0``
runs the sources whatever lies there.
"""

from __future__ import annotations

import os
import sys
import sysconfig
from hashlib import blake2s
from pathlib import Path

HOT = {
    "core": [
        "balance",
        "breaker",
        "edits",
        "errors",
        "fields",
        "flags",
        "framing",
        "head",
        "hosts",
        "limits",
        "match",
        "outlier",
        "paths",
        "peers",
        "regex",
        "retry",
        "rewrite",
        "routes",
        "split",
        "trace",
        "actions",
    ],
    "net": [
        "attempts",
        "cluster",
        "connection",
        "exchange",
        "flow",
        "lane",
        "listeners",
        "members",
        "metrics",
        "ports",
        "replies",
        "server",
        "special",
        "tls",
        "tries",
        "upstream",
        "wheel",
    ],
    "wire": ["histogram"],
}
"""The modules on a request's straight path, and those whose classes they touch there."""
ROOT = Path(__file__).resolve().parent.parent


def folder() -> Path:
    """Where the compiled copy of these sources for this Python is, or would be."""
    digest = blake2s(f"{sys.version} {sysconfig.get_platform()} {HOT}".encode(), digest_size=12)
    for package in HOT:
        for file in sorted((ROOT / "proxies" / package).glob("*.py")):
            digest.update(file.name.encode())
            digest.update(file.read_bytes())
    return Path(sys.prefix, "lib", "meshui", digest.hexdigest())


_folder = folder() if os.environ.get("MESHUI_COMPILED") != "0" else None
ACTIVE = _folder is not None and _folder.is_dir()
"""Whether this process runs the compiled copy."""


def places(package: str, sources: list[str]) -> list[str]:
    """Where to look for the modules of a package (``core``) whose sources lie there: first in the compiled copy."""
    return [str(_folder / "proxies" / package), *sources] if ACTIVE and _folder is not None else sources
