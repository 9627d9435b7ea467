from django.apps import AppConfig


class CoreConfig(AppConfig):
    name = "meshui.core"
    label = "core"
