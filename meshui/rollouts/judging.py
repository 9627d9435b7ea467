"""From a plan's words to what ``analysis`` judges: its metrics and its rules. Pure."""

from __future__ import annotations

from meshui.rollouts.analysis import conditions, metrics
from meshui.rollouts.analysis.verdict import Rules, rules_for
from meshui.rollouts.plan import Analysis, Metric


def judged(analysis: Analysis) -> tuple[metrics.Metric, ...]:
    """The plan's metrics, in their order."""
    return tuple(_metric(metric, analysis.objective_ms) for metric in analysis.metrics)


def rules(analysis: Analysis) -> Rules:
    return rules_for(judged(analysis), alpha=analysis.alpha, min_requests=analysis.min_requests)


def _metric(metric: Metric, objective_ms: float) -> metrics.Metric:
    if metric.builtin:
        return metrics.CountMetric(
            metric.name, "errors" if metric.name == "errors" else "slow", objective_ms, metric.dry_run
        )
    return metrics.ValueMetric(
        metric.name,
        metric.promql,
        success=conditions.parse(metric.success) if metric.success else None,
        failure=conditions.parse(metric.failure) if metric.failure else None,
        failure_limit=metric.failure_limit,
        consecutive_success=metric.consecutive_success,
        inconclusive_limit=metric.inconclusive_limit,
        error_limit=metric.error_limit,
        dry_run=metric.dry_run,
    )
