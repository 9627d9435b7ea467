"""The access log: which requests proxies write down, and those of late, kept for a while and searched."""
