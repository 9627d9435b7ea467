"""Four eyes: writes that take a second person are proposed by one and approved by another."""

from django.apps import AppConfig


class ProposalsConfig(AppConfig):
    name = "meshui.proposals"
    default_auto_field = "django.db.models.BigAutoField"
