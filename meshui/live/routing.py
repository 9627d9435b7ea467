"""The WebSocket side of the ASGI application."""

from __future__ import annotations

from channels.routing import URLRouter
from django.urls import path

from meshui.live.socket import live

websocket = URLRouter([path("ws/live/", live)])  # type: ignore[arg-type]
