"""People and machines: users, roles per namespace, API tokens, login throttling."""
