from django.apps import AppConfig


class RolloutsConfig(AppConfig):
    name = "meshui.rollouts"
    label = "rollouts"
