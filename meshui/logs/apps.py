from django.apps import AppConfig


class LogsConfig(AppConfig):
    name = "meshui.logs"
    label = "logs"

    def ready(self) -> None:
        from meshui.core.reverts import restored_by
        from meshui.logs.settings import logging_restore

        restored_by(logging_restore, "logging.set")
