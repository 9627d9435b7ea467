"""Users, the roles they hold and where, their sessions and API tokens."""

from __future__ import annotations

from django.contrib.auth.models import AbstractUser
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models
from django.utils import timezone


class User(AbstractUser):
    """A person. ``is_superuser`` holds every permission everywhere."""


class Federated(models.Model):
    """Who somebody is at the OpenID Connect provider: their name and address there may change, ``subject`` does not."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="federated")
    issuer = models.CharField(max_length=500)
    subject = models.CharField(max_length=255)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["issuer", "subject"], name="one_subject")]

    def __str__(self) -> str:
        return f"{self.subject} at {self.issuer}"


class Session(AbstractBaseSession):
    """Somebody signed in with a browser; ``user`` is None while a sign-in elsewhere is under way."""

    public_id = models.CharField(max_length=32, unique=True)
    """What it is called: the key itself is what the browser's cookie proves."""
    user = models.ForeignKey("accounts.User", null=True, on_delete=models.CASCADE, related_name="sessions")
    address = models.CharField(max_length=64, blank=True, default="")
    agent = models.CharField(max_length=300, blank=True, default="")
    created_at = models.DateTimeField(default=timezone.now)
    last_seen_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [models.Index(fields=["user", "created_at"], name="session_of_user")]

    def __str__(self) -> str:
        return f"{self.public_id} of {self.user_id or 'nobody'}"


class RoleGrant(models.Model):
    """A role held in one namespace, or mesh-wide where ``namespace`` is empty."""

    class Role(models.TextChoices):
        VIEWER = "viewer"
        OPERATOR = "operator"
        SECURITY = "security"
        ADMIN = "admin"

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="grants")
    role = models.CharField(max_length=16, choices=Role.choices)
    namespace = models.CharField(max_length=63, blank=True, default="")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "role", "namespace"], name="one_grant")]

    def __str__(self) -> str:
        return f"{self.user.username}: {self.role} in {self.namespace or 'the mesh'}"


class ApiToken(models.Model):
    """A bearer token, stored as SHA-256 of its 256 random bits. It can do what its owner can."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="tokens")
    name = models.CharField(max_length=100)
    digest = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.user.username}: {self.name}"
