"""What uvicorn serves: HTTP by Django, ``/ws/live/`` by Channels."""

from __future__ import annotations

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "meshui.config.settings")

from django.core.asgi import get_asgi_application

http = get_asgi_application()

# Imports models, so Django must have been set up by the line above.
from channels.routing import ProtocolTypeRouter  # noqa: E402

from meshui.live.routing import websocket  # noqa: E402

application = ProtocolTypeRouter({"http": http, "websocket": websocket})
