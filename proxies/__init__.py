"""The data plane: proxies that carry the mesh's traffic. Knows no Django."""
