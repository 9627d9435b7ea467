"""What travels between the control plane and the proxies, and its codec. Both sides import this; it imports neither."""
