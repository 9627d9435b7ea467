"""One proxy as several processes that share its ports: a parent that is part of the mesh, and workers that serve.

The parent alone joins, follows, acknowledges, reports and renews; it is an engine to the agent, and hands what that
engine is told to every worker. Workers know their parent, and Redis only for shared rate limits.
"""
