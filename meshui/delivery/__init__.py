"""From committed change to acknowledged configuration: load, compile, check, publish, and what the proxies answered."""
