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

ROOT = Path(__file__).resolve().parent.parent
COLD = {
    "core": """actions addresses authorize check decisions dns edits health identity inbound interception keys locality
        maglev rewrite routes rules shared sniff tapping tcp told usage zone""",
    "net": """admin admission call catalog checks edge_tls engine external holding identity intercept lines mirror
        original permissive prometheus recording replies special standalone taps tcp""",
}
"""By package: the modules that most requests do not pass through. All others are compiled."""
ALSO = {"wire": "histogram"}


def hot(package: str) -> list[str]:
    """The files of a package that are compiled, relative to ROOT."""
    if package in ALSO:
        names = ALSO[package].split()
    else:
        cold = ("__init__", *COLD[package].split())
        names = sorted(file.stem for file in (ROOT / "proxies" / package).glob("*.py") if file.stem not in cold)
    return [f"proxies/{package}/{name}.py" for name in names]


def folder() -> Path:
    """Where the compiled copy of these sources for this Python is, or would be. Cold modules count: what they say of
    types and constants is compiled into the others."""
    digest = blake2s(f"{sys.version} {sysconfig.get_platform()} {COLD} {ALSO}".encode(), digest_size=12)
    for package in (*COLD, *ALSO):
        for file in sorted((ROOT / "proxies" / package).glob("*.py")):
            digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return Path(sys.prefix, "lib", "meshui", digest.hexdigest())


_copy = None if os.environ.get("MESHUI_COMPILED") == "0" else folder()
if _copy is not None and not _copy.is_dir():
    _copy = None
ACTIVE = _copy is not None
"""Whether this process runs the compiled copy."""


def places(package: str, sources: list[str]) -> list[str]:
    """Where to look for a package's modules: first in the compiled copy, then in its folder of sources."""
    return sources if _copy is None else [str(_copy / "proxies" / package), *sources]
