"""Other meshes' words for the same things: read into the mesh's own values, and written from them.

Owns the translation of Istio's, the Gateway API's and SMI's documents, and the report of what has no equivalent. Pure:
knows no database, and applies nothing.
"""
