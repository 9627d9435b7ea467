"""The registry: namespaces, services, versions, instances, proxies, join tokens."""
