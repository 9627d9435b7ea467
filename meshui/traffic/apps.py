from django.apps import AppConfig


class TrafficConfig(AppConfig):
    name = "meshui.traffic"
    label = "traffic"

    def ready(self) -> None:
        from meshui.core.reverts import restored_by
        from meshui.traffic.services.rules import rules_restore
        from meshui.traffic.services.splits import split_restore

        restored_by(split_restore, "split.set")
        restored_by(rules_restore, "routes.set", "resilience.set", "limits.set")
