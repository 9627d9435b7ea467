"""The composition root: settings, URLs, ASGI, Celery."""

# Whoever loads the settings has our Celery application too: a process without it would push to no broker at all.
from meshui.config.celery import app

__all__ = ["app"]
