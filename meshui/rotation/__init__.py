"""Replacing the mesh's root while traffic runs: a guided process that survives being killed, paused and withdrawn."""
