"""How calls are routed: splits, routes, resilience, gateway hosts."""
