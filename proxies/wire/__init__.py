"""What travels between the control plane and the proxies, and its codec. Both sides import this; it imports neither."""

from proxies import compiled

__path__ = compiled.places("wire", __path__)
