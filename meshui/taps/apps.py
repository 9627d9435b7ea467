from django.apps import AppConfig


class TapsConfig(AppConfig):
    name = "meshui.taps"
    label = "taps"
