"""What the mesh does: the collector, one-second frames, rollups, the graph and its series."""
