"""Changes of rollouts: the one door for the API and for commands."""

from meshui.rollouts.services.acting import Action, rollout_act
from meshui.rollouts.services.preflight import Check, preflight
from meshui.rollouts.services.starting import rollout_create, rollout_edit
from meshui.rollouts.services.undoing import undo

__all__ = ["Action", "Check", "preflight", "rollout_act", "rollout_create", "rollout_edit", "undo"]
