"""The authority's certificates with their sealed keys, and a record of every certificate that it signed."""

from __future__ import annotations

from django.db import models


class Authority(models.Model):
    """A signing certificate. One root and one intermediate are active; a pending pair waits for a rotation to take it,
    and those that were replaced stay, to verify with."""

    class Kind(models.TextChoices):
        ROOT = "root"
        INTERMEDIATE = "intermediate"

    class State(models.TextChoices):
        PENDING = "pending"
        ACTIVE = "active"
        RETIRED = "retired"

    class Origin(models.TextChoices):
        MADE = "made"
        IMPORTED = "imported"
        OFFLINE = "offline"

    class Key(models.TextChoices):
        BUILTIN = "builtin"
        EXTERNAL = "external"
        ELSEWHERE = "elsewhere"

    kind = models.CharField(max_length=16, choices=Kind.choices)
    state = models.CharField(max_length=16, choices=State.choices, default=State.ACTIVE)
    origin = models.CharField(max_length=16, choices=Origin.choices, default=Origin.MADE)
    """Made here, brought by somebody, or signed elsewhere at our request."""
    key = models.CharField(max_length=16, choices=Key.choices, default=Key.BUILTIN)
    """Where its key is: here, with the program of MESHUI_CA_SIGNER, or where nothing here reaches it."""
    fingerprint = models.CharField(max_length=64, unique=True)
    """SHA-256 of the certificate, hex."""
    certificate = models.TextField()
    """PEM."""
    links = models.TextField(blank=True, default="")
    """PEM of the CAs between an intermediate and its root, where there are some."""
    sealed_key = models.BinaryField(default=bytes)
    """See ``meshui.security.seal``; empty where the key is elsewhere, and once it was destroyed."""
    root = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="intermediates")
    """An intermediate's."""
    trusted = models.BooleanField(default=False)
    """Of a root: whether proxies accept peers under it."""
    not_before = models.DateTimeField()
    not_after = models.DateTimeField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["kind"], condition=models.Q(state="active"), name="one_active_authority")
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.fingerprint[:16]}"


class IntermediateRequest(models.Model):
    """A request for an intermediate that waits to be signed elsewhere. There is one at most."""

    csr = models.TextField()
    """PEM."""
    key_digest = models.CharField(max_length=64)
    """SHA-256 of the public key, hex, to which the sealed key is bound."""
    sealed_key = models.BinaryField()
    actor = models.CharField(max_length=200)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(pk=1), name="one_intermediate_request")]

    def __str__(self) -> str:
        return f"intermediate request {self.key_digest[:16]}"


class IssuedCertificate(models.Model):
    """A leaf that was signed, for whom and at whose request."""

    serial = models.CharField(max_length=40, unique=True)
    """Hex."""
    authority = models.ForeignKey(Authority, on_delete=models.PROTECT, related_name="issued")
    identity = models.CharField(max_length=512)
    proxy_id = models.CharField(max_length=40, db_index=True)
    """Not a foreign key: the record outlives the proxy."""
    actor = models.CharField(max_length=200)
    not_before = models.DateTimeField()
    not_after = models.DateTimeField(db_index=True)
    issued_at = models.DateTimeField()
    replaced_at = models.DateTimeField(null=True)
    """When the next one was signed for the same proxy."""
    renewal_ordered_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
    revocation = models.JSONField(default=dict)
    """``actor`` and ``reason`` of whoever revoked it."""

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["proxy_id"], name="newest_certificate", condition=models.Q(replaced_at=None)),
            models.Index(fields=["not_after"], name="revoked_certificate", condition=~models.Q(revoked_at=None)),
        ]

    def __str__(self) -> str:
        return f"{self.serial} for {self.proxy_id}"


class DeniedIdentity(models.Model):
    """An identity that no proxy accepts and no certificate is signed for, until it is allowed again."""

    identity = models.CharField(max_length=512, unique=True)
    actor = models.CharField(max_length=200)
    reason = models.CharField(max_length=500, blank=True, default="")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["identity"]

    def __str__(self) -> str:
        return self.identity


class SigningPace(models.Model):
    """The one row by which all processes share the rate of signatures; see ``meshui.security.pace``."""

    due = models.DateTimeField()
    """When the next signature is due, if all keep to the rate."""
    promised = models.DateTimeField()
    """Up to when those who were told to wait have been given a time."""

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(pk=1), name="one_signing_pace")]

    def __str__(self) -> str:
        return f"due {self.due}"


class AccessPolicy(models.Model):
    """Who may call the services of its target. Without ``service`` it is for all of the namespace that are called;
    without ``namespace`` for all of the mesh. It outlives its services: one of the same name has it again."""

    class Action(models.TextChoices):
        ALLOW = "allow"
        DENY = "deny"
        EXTERNAL = "external"

    class Mode(models.TextChoices):
        ENFORCE = "enforce"
        SHADOW = "shadow"

    name = models.CharField(max_length=63, unique=True)
    namespace = models.CharField(max_length=63, blank=True, default="")
    service = models.CharField(max_length=63, blank=True, default="")
    action = models.CharField(max_length=8, choices=Action.choices)
    mode = models.CharField(max_length=8, choices=Mode.choices)
    rules = models.JSONField(default=list)
    """Ordered list of ``meshui.mesh.policies.PolicyRule``."""
    external = models.JSONField(null=True, default=None)
    """``meshui.mesh.policies.PolicyCheck`` of an external policy."""
    description = models.CharField(max_length=500, blank=True, default="")
    revision = models.BigIntegerField(default=0)
    """The last revision that changed it."""
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name"]
        indexes = [models.Index(fields=["namespace", "service"])]

    def __str__(self) -> str:
        return f"{self.action} {self.name} for {self.target}"

    @property
    def target(self) -> str:
        """``shop/catalog``, ``shop/*`` or ``*``."""
        return f"{self.namespace}/{self.service or '*'}" if self.namespace else "*"


class AccessSetting(models.Model):
    """How the mesh (no namespace), a namespace (no service) or one service receives; what is empty is as
    wider scopes say."""

    class Mtls(models.TextChoices):
        STRICT = "strict"
        PERMISSIVE = "permissive"
        DISABLE = "disable"

    class Default(models.TextChoices):
        ALLOW = "allow"
        DENY = "deny"

    namespace = models.CharField(max_length=63, blank=True, default="")
    service = models.CharField(max_length=63, blank=True, default="")
    mtls = models.CharField(max_length=16, choices=Mtls.choices, blank=True, default="")
    default_action = models.CharField(max_length=8, choices=Default.choices, blank=True, default="")
    """What holds where no allow policy is."""
    tokens = models.JSONField(null=True, default=None)
    """``meshui.mesh.tokens.Tokens``."""
    revision = models.BigIntegerField(default=0)

    class Meta:
        ordering = ["namespace", "service"]
        constraints = [models.UniqueConstraint(fields=["namespace", "service"], name="one_access_setting")]

    def __str__(self) -> str:
        return f"mTLS {self.mtls}, default {self.default_action} for {self.scope}"

    @property
    def scope(self) -> str:
        """``*``, ``shop`` or ``shop/catalog``."""
        return f"{self.namespace}/{self.service}" if self.service else self.namespace or "*"


class JwtProvider(models.Model):
    """Who signs tokens, for the services of a namespace, or without one of the whole mesh."""

    name = models.CharField(max_length=63, unique=True)
    namespace = models.CharField(max_length=63, blank=True, default="")
    issuer = models.CharField(max_length=1024)
    """As in ``rules``."""
    rules = models.JSONField()
    """``meshui.mesh.tokens.TokenRules``."""
    jwks = models.JSONField(null=True, default=None)
    """The keys as they were given; None where they are fetched."""
    jwks_url = models.CharField(max_length=500, blank=True, default="")
    refresh_s = models.PositiveIntegerField(default=300)
    description = models.CharField(max_length=500, blank=True, default="")
    keys = models.JSONField(default=list)
    """Those in force: ordered list of ``proxies.wire.tokens.VerificationKey``."""
    fetched_at = models.DateTimeField(null=True)
    failing_since = models.DateTimeField(null=True)
    failures = models.PositiveIntegerField(default=0)
    """Fetches that failed since the last that did not."""
    fetch_error = models.CharField(max_length=500, blank=True, default="")
    next_fetch_at = models.DateTimeField(null=True, db_index=True)
    revision = models.BigIntegerField(default=0)
    """The last revision that changed what a person decided."""
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return f"{self.name} of {self.issuer}"
