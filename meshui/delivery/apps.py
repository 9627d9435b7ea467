from django.apps import AppConfig


class DeliveryConfig(AppConfig):
    name = "meshui.delivery"
    label = "delivery"
