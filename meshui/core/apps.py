from django.apps import AppConfig


class CoreConfig(AppConfig):
    name = "meshui.core"
    label = "core"

    def ready(self) -> None:
        from meshui.core.api import converters

        converters.register()
