from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "meshui.accounts"
    label = "accounts"
