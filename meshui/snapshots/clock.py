"""The time of a process that shows a snapshot: that at which it was taken, for as long as it runs.

So what is recent in the snapshot stays recent, and every page asks for times that it holds. Deadlines are kept by
monotonic clocks, which go on.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime

from django.db import connection
from django.utils import timezone


def stop(at: float) -> None:
    """Have this process's clocks tell ``at`` (Unix seconds) from now on."""
    now = datetime.fromtimestamp(at, UTC)
    time.time = lambda: at
    timezone.now = lambda: now


def stop_database(at: float) -> None:
    """The same for ``now()`` in the database, for all connections to come."""
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE FUNCTION public.now() RETURNS timestamptz LANGUAGE plpgsql STABLE"
            f" AS $$ BEGIN RETURN to_timestamp({at!r}); END $$"
        )
        cursor.execute("ALTER ROLE CURRENT_USER SET search_path = public, pg_catalog")


def script(at: float) -> str:
    """The same for the dashboard in a browser, whose clock goes on from there."""
    return f"""(() => {{
  const Real = Date, shift = {round(at * 1000)} - Real.now()
  globalThis.Date = class Date extends Real {{
    constructor(...given) {{ given.length ? super(...given) : super(Real.now() + shift) }}
    static now() {{ return Real.now() + shift }}
  }}
}})()
"""
