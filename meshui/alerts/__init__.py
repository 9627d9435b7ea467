"""Alerts: what is wrong with the mesh, since when, told once to those who asked for it."""
