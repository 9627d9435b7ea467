"""What makes an engine part of a mesh: join, follow the published resources, report, renew the certificate.

Knows an engine only by ``engine.Engine``, and the control plane only by the wire. Nothing here is on a request's path.
"""
