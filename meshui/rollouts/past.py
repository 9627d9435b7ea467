"""What stable did before it lost its traffic: the baseline of a canary that has all of it.

With all the traffic on the canary nothing runs beside it: in the check after a promotion, and in a blue/green bake.
Each window of the canary is then compared with one of stable's last windows, the newest first. Each serves once: the
same errors counted twice would be evidence that nobody has. When they are used up no more is gathered, and only a
canary that fails half its requests is noticed still. What it assumes, that stable would have gone on as it was, is said
in the guide.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from meshui.rollouts import gathered
from meshui.rollouts.analysis.evidence import Counts
from meshui.rollouts.analysis.metrics import CountMetric
from meshui.rollouts.analysis.observations import Observation
from meshui.rollouts.metrics import mesh
from meshui.rollouts.models import Rollout

REACH_S = 15 * 60
"""How far back it is looked for stable's windows."""
WINDOW_S = 10
MOST = 60
"""Windows that are kept."""

Windows = Mapping[str, list[tuple[int, int]]]
"""By metric: total and bad of each window, oldest first."""


def is_wanted(row: Rollout) -> bool:
    """Whether stable has no traffic now, and its past was not looked up yet."""
    return not (row.weights or {}).get(row.stable) and gathered.past(row) is None


def windows(row: Rollout, now: datetime) -> Windows:
    """Stable's last windows with requests out of rollups. The newest is left out: it ended in the middle of one."""
    until = now.timestamp()
    readings = mesh.recorded(str(row.service), until - REACH_S, until, WINDOW_S)
    served = [reading for reading in readings if reading.versions.get(row.stable, mesh.NOTHING).requests][:-1]
    found: dict[str, list[tuple[int, int]]] = {}
    for metric in gathered.metrics_of(row):
        if isinstance(metric, CountMetric):
            counts = [reading.counts(metric, row.canary, row.stable) for reading in served[-MOST:]]
            found[metric.name] = [(c.baseline_total, c.baseline_bad) for c in counts if isinstance(c, Counts)]
    return found


def beside(row: Rollout, metric: str, observation: Observation) -> Observation:
    """The observation with a window of stable's past as its baseline, where there is none of now; that window is
    used up."""
    if not isinstance(observation, Counts) or observation.baseline_total or not observation.canary_total:
        return observation
    window = gathered.take_past(row, metric)
    if window is None:
        return observation
    return Counts(observation.canary_total, observation.canary_bad, *window)
