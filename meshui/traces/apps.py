from django.apps import AppConfig


class TracesConfig(AppConfig):
    name = "meshui.traces"
    label = "traces"
