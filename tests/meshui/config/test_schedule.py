"""What beat starts is a task that workers have."""

from __future__ import annotations

from meshui.config.celery import app


def test_every_task_of_the_schedule_exists() -> None:
    app.loader.import_default_modules()
    assert {entry["task"] for entry in app.conf.beat_schedule.values()} <= set(app.tasks)
