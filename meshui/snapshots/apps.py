from django.apps import AppConfig
from django.conf import settings


class SnapshotsConfig(AppConfig):
    name = "meshui.snapshots"
    label = "snapshots"

    def ready(self) -> None:
        from meshui.snapshots import clock

        if settings.MESHUI.snapshot_at is not None:
            clock.stop(settings.MESHUI.snapshot_at)
