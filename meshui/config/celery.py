"""The Celery application and what beat starts. Tasks carry no state that matters: they make reality match the
database."""

from __future__ import annotations

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "meshui.config.settings")

app = Celery("meshui")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.autodiscover_tasks(["meshui.rollouts.notify"])
app.conf.beat_schedule = {
    "reconcile": {"task": "meshui.delivery.tasks.reconcile", "schedule": 5.0, "options": {"expires": 5}},
    "tick-rollouts": {"task": "meshui.rollouts.tasks.scan", "schedule": 1.0, "options": {"expires": 1}},
    "expire-instances": {"task": "meshui.catalog.tasks.expire_instances", "schedule": 5.0, "options": {"expires": 5}},
    "prune-trust": {"task": "meshui.delivery.tasks.prune_trust", "schedule": 600.0, "options": {"expires": 600}},
    "forget-old-revisions": {"task": "meshui.delivery.tasks.forget_old_revisions", "schedule": 3600.0},
    "coarsen-rollups": {"task": "meshui.telemetry.tasks.coarsen_rollups", "schedule": 60.0, "options": {"expires": 60}},
    "drop-old-rollups": {"task": "meshui.telemetry.tasks.drop_old_rollups", "schedule": 3600.0},
    "drop-old-traces": {"task": "meshui.traces.tasks.drop_old_traces", "schedule": 300.0, "options": {"expires": 300}},
    "drop-old-logs": {"task": "meshui.logs.tasks.drop_old_logs", "schedule": 60.0, "options": {"expires": 60}},
    "forget-old-taps": {"task": "meshui.taps.tasks.forget_old_taps", "schedule": 86_400.0},
    "forget-old-sessions": {"task": "meshui.accounts.tasks.forget_old_sessions", "schedule": 3600.0},
    "send-notifications": {
        "task": "meshui.rollouts.notify.tasks.send_notifications",
        "schedule": 5.0,
        "options": {"expires": 5},
    },
    "forget-old-keys": {"task": "meshui.rollouts.notify.tasks.forget_old_keys", "schedule": 3600.0},
    "drop-old-measurements": {"task": "meshui.rollouts.tasks.drop_old_measurements", "schedule": 86_400.0},
    "evaluate-alerts": {
        "task": "meshui.alerts.tasks.evaluate_alerts",
        "schedule": 10.0,
        "options": {"expires": 10},
    },
    "drop-old-alerts": {"task": "meshui.alerts.tasks.drop_old_alerts", "schedule": 86_400.0},
    "advance-rotation": {"task": "meshui.rotation.tasks.advance", "schedule": 2.0, "options": {"expires": 2}},
    "fetch-keys": {"task": "meshui.security.tasks.fetch_keys", "schedule": 10.0, "options": {"expires": 10}},
    "renew-authority": {"task": "meshui.security.tasks.renew_authority", "schedule": 3600.0},
    "drop-old-certificates": {"task": "meshui.security.tasks.drop_old_records", "schedule": 86_400.0},
}
