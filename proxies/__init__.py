"""The data plane: proxies that carry the mesh's traffic. Knows no Django."""

VERSION = "0.1.0"
"""What a proxy says of itself when it joins and reports."""
