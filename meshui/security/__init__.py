"""Who is who: the mesh's certificate authority and the certificates it signs."""
