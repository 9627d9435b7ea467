"""Paths of this app under ``/api/v1/``."""

from __future__ import annotations

from django.urls import URLPattern, path

from meshui.accounts.api import sessions, single_sign_on, tokens, users

urlpatterns: list[URLPattern] = [
    path("auth/me/", sessions.Me.as_view()),
    path("auth/login/", sessions.Login.as_view()),
    path("auth/logout/", sessions.Logout.as_view()),
    path("auth/methods/", single_sign_on.Methods.as_view()),
    path("auth/oidc/", single_sign_on.Begin.as_view()),
    path("auth/oidc/callback/", single_sign_on.Callback.as_view()),
    path("auth/token/", tokens.TokenByPassword.as_view()),
    path("sessions/", sessions.Sessions.as_view()),
    path("sessions/<str:session_id>/", sessions.OneSession.as_view()),
    path("tokens/", tokens.Tokens.as_view()),
    path("tokens/<int:token_id>/", tokens.OneToken.as_view()),
    path("users/", users.Users.as_view()),
    path("users/<str:username>/", users.OneUser.as_view()),
]
