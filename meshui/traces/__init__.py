"""What requests did on their way: spans of proxies and of apps, kept for a while and searched."""
