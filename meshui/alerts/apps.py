from django.apps import AppConfig


class AlertsConfig(AppConfig):
    name = "meshui.alerts"
    label = "alerts"
