from django.apps import AppConfig


class TracesConfig(AppConfig):
    name = "meshui.traces"
    label = "traces"

    def ready(self) -> None:
        from meshui.core.reverts import restored_by
        from meshui.traces.settings import tracing_restore

        restored_by(tracing_restore, "tracing.set")
