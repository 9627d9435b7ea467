"""The mesh as pure, frozen values: services, versions, routes, splits, instances, proxies. No I/O, no framework."""
