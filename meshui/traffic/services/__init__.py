"""Changes of traffic: the one door for the API, rollouts and commands."""

from meshui.traffic.services.gateways import HostRule, gateway_delete, gateway_put
from meshui.traffic.services.rollouts import rollout_apply
from meshui.traffic.services.rules import limits_set, resilience_set, routes_set
from meshui.traffic.services.splits import SplitResult, split_set
from meshui.traffic.services.versions import version_remove

__all__ = [
    "HostRule",
    "SplitResult",
    "gateway_delete",
    "gateway_put",
    "limits_set",
    "resilience_set",
    "rollout_apply",
    "routes_set",
    "split_set",
    "version_remove",
]
