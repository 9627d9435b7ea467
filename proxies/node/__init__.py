"""One process for several services of a host, none of which has a sidecar: for each an engine and an agent of its own,
so that each has its own identity, certificate, configuration and counts. They share the event loop and an admin port.
"""
