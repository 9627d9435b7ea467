"""Series of the mesh: what can be asked, and the two backends that answer it alike."""
