from django.apps import AppConfig


class SecurityConfig(AppConfig):
    name = "meshui.security"
    label = "security"

    def ready(self) -> None:
        from meshui.core.authorization import judged_by
        from meshui.core.reverts import restored_by
        from meshui.security.judging import judge
        from meshui.security.services.policies import policy_restore
        from meshui.security.services.providers import provider_restore
        from meshui.security.services.settings import setting_restore

        judged_by(judge)
        restored_by(policy_restore, "policy.create", "policy.set", "policy.enforce", "policy.delete")
        restored_by(provider_restore, "provider.create", "provider.set", "provider.delete")
        restored_by(setting_restore, "access.set")
