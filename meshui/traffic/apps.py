from django.apps import AppConfig


class TrafficConfig(AppConfig):
    name = "meshui.traffic"
    label = "traffic"
