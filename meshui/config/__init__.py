"""The composition root: settings, URLs, ASGI, Celery."""
