from django.apps import AppConfig


class SecurityConfig(AppConfig):
    name = "meshui.security"
    label = "security"
