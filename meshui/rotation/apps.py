from django.apps import AppConfig


class RotationConfig(AppConfig):
    name = "meshui.rotation"
    label = "rotation"
