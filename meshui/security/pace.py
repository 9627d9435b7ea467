"""How fast certificates are signed for proxies, by all processes together, and when to come back.

One row holds the pace, as a virtual clock: each signature moves ``due`` on by one interval, and one is granted while
``due`` is no more than a burst ahead of now. Whoever is turned away gets a time of its own behind those turned away
before it, so that a thousand proxies which start at once come back one after the other and not together. That time is
advice, not a reservation: whoever ignores it only waits for longer.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from django.conf import settings
from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from meshui.core.errors import Throttled

BURST_S = 1.0
"""So many seconds' worth may be signed at once after a rest."""
LONGEST_WAIT_S = 60.0

_GRANT = """
UPDATE security_signingpace SET due = greatest(due, clock_timestamp()) + make_interval(secs => %(step)s)
WHERE id = 1 AND due <= clock_timestamp() + make_interval(secs => %(burst)s) RETURNING true
"""
_POSTPONE = """
UPDATE security_signingpace
SET promised = make_interval(secs => %(step)s)
    + least(greatest(promised, due), clock_timestamp() + make_interval(secs => %(longest)s))
WHERE id = 1 RETURNING extract(epoch FROM promised - clock_timestamp())
"""
_BEGIN = """
INSERT INTO security_signingpace (id, due, promised) VALUES (1, clock_timestamp(), clock_timestamp())
ON CONFLICT DO NOTHING
"""


def take_turn() -> None:
    """Return when a certificate may be signed now. Raises Throttled, with the seconds to wait, when it may not.

    Outside of any transaction: its row is everybody's, and free again at once. Where PostgreSQL ends without a warning
    the last turns are forgotten, which is why their commit need not wait for the disk.
    """
    times = {
        "step": 1 / settings.MESHUI.csr_rate,
        "burst": BURST_S,
        "longest": LONGEST_WAIT_S,
    }
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL synchronous_commit TO off")
        wait = _asked(cursor, times)
        if wait is None:
            return
    seconds = max(1, math.ceil(wait))
    raise Throttled(f"certificates are signed one after the other, try again in {seconds} s", retry_after=seconds)


def _asked(cursor: CursorWrapper, times: Mapping[str, float]) -> float | None:
    """Seconds to wait, or None for a turn."""
    for _ in range(2):
        cursor.execute(_GRANT, times)
        if cursor.fetchone():
            return None
        cursor.execute(_POSTPONE, times)
        if found := cursor.fetchone():
            return float(found[0])
        cursor.execute(_BEGIN)
    raise AssertionError("the row of the pace comes and goes")
