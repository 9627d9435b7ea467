"""Changes of people, their roles and their tokens."""

from meshui.accounts.services.federation import user_of_claims
from meshui.accounts.services.sessions import session_end, sessions_end, sessions_forget
from meshui.accounts.services.signing_in import authenticate
from meshui.accounts.services.tokens import token_create, token_revoke
from meshui.accounts.services.users import Grant, admin_ensure, user_create, user_delete, user_update

__all__ = [
    "Grant",
    "admin_ensure",
    "authenticate",
    "session_end",
    "sessions_end",
    "sessions_forget",
    "token_create",
    "token_revoke",
    "user_create",
    "user_delete",
    "user_of_claims",
    "user_update",
]
