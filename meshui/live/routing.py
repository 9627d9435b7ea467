"""The WebSocket side of the ASGI application."""

from __future__ import annotations

from channels.routing import URLRouter

websocket = URLRouter([])
