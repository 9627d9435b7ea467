"""Snapshots: a mesh, its recent past and its configuration in one file, and the dashboard opened on it read-only."""
