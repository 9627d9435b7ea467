"""What is asked about access: why, what a draft would change, what would be enough. Nothing is changed."""

from __future__ import annotations

import ipaddress
import time
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from msgspec import Meta
from rest_framework.request import Request
from rest_framework.response import Response

from meshui.catalog.api.fields import ServiceId
from meshui.core.api.actors import actor_of
from meshui.core.api.bodies import Body, View, body
from meshui.core.api.drafts import DraftPolicyBody
from meshui.core.api.endpoints import Endpoint
from meshui.core.api.operations import operation
from meshui.core.authorization import Arrival, DraftPolicy, Judged
from meshui.core.errors import InvalidInput
from meshui.mesh.names import LABEL
from meshui.mesh.policies import Policy, PolicyAction, PolicyMode, PolicyRule
from meshui.mesh.tokens import ProviderName
from meshui.security import trials
from meshui.security.judging import Standing, decided, standing_of, steps
from meshui.security.suggest import suggest
from meshui.telemetry.api.queries import Duration, seconds
from meshui.telemetry.samples import KEPT_MS
from proxies.core.claims import Token
from proxies.core.errors import BadMessage
from proxies.core.head import RequestHead, read_request

HeaderName = Annotated[str, Meta(min_length=1, max_length=256)]
HeaderValue = Annotated[str, Meta(max_length=4096)]
Caller = Annotated[str, Meta(pattern=rf"^({LABEL.pattern}/{LABEL.pattern})?$", description="Empty: no identity.")]


class StatedToken(Body, frozen=True, kw_only=True):
    """A good token of this provider, that claims this."""

    provider: ProviderName
    claims: dict[Annotated[str, Meta(max_length=256)], Any] = {}


class ExplainBody(Body, frozen=True, kw_only=True):
    """A request as it reaches ``service``. ``source`` is who it proves to be; empty for a stranger, or plaintext.
    With ``policy`` that one stands in place of the one of its name; ``at`` is when, else now. ``token`` is what the
    request is to be taken to carry; without it, a token in ``headers`` is verified as proxies verify it."""

    service: ServiceId
    source: Caller = ""
    address: Annotated[str, Meta(max_length=64)] = ""
    host: Annotated[str, Meta(max_length=255)] = ""
    method: Annotated[str, Meta(min_length=1, max_length=32)] = "GET"
    path: Annotated[str, Meta(min_length=1, max_length=8192)] = "/"
    headers: Annotated[dict[HeaderName, HeaderValue], Meta(max_length=90)] = {}
    at: Annotated[datetime, Meta(tz=True)] | None = None
    token: StatedToken | None = None
    policy: DraftPolicyBody | None = None


class RuleExplained(View, frozen=True, kw_only=True):
    """``unmet`` are the parts that do not hold, as ``from.services``, ``to.paths``, ``when.0``; none where it
    matches."""

    index: int
    unmet: list[str]


class PolicyExplained(View, frozen=True, kw_only=True):
    """One policy looked at, in the order in which policies count."""

    policy: str
    target: str
    action: PolicyAction
    mode: PolicyMode
    matched: bool
    decisive: bool
    rules: list[RuleExplained]


class Explanation(View, frozen=True, kw_only=True):
    """``policy`` and the index of its ``rule`` are what decided; ``policy`` is empty where the default action did, or
    several allow policies did not match. ``shadow`` is the policy in shadow mode that would turn the answer round.
    ``status`` is what a proxy answers, 200 where the request goes on: then if all of ``checks`` let it, the external
    policies that are asked first. ``token`` says why the status is 401: `absent`, or what is wrong with it."""

    allowed: bool
    policy: str
    rule: int | None
    shadow: str
    default_action: Literal["allow", "deny"]
    status: Literal[200, 401, 403]
    token: str
    checks: list[str]
    because: str
    steps: list[PolicyExplained]


class ReplayBody(Body, frozen=True, kw_only=True):
    """``policy`` is tried as though it were enforced where its mode says so; ``window`` is at most an hour."""

    policy: DraftPolicyBody
    window: Duration = "1h"


class ReplayRow(View, frozen=True, kw_only=True):
    """Requests that are alike; ids in ``path`` are ``*``, ``source`` is `hidden` where you may not view it and
    `unknown` for who has no identity. ``policy`` is what would decide; empty: the default, or none that allows."""

    source: str
    destination: str
    method: str
    path: str
    requests: int
    changed: bool
    now: Literal["allowed", "denied"]
    draft: Literal["allowed", "denied"]
    policy: str


class Replayed(View, frozen=True, kw_only=True):
    """``sampled`` requests stand for ``requests``. Of ``unjudged`` ones something was not told that a policy compares
    (``untold``). The largest rows come, changed ones first."""

    sampled: int
    requests: int
    newly_denied: int
    newly_allowed: int
    unjudged: int
    untold: list[str]
    since: datetime | None
    until: datetime | None
    rows: list[ReplayRow]


class SuggestBody(Body, frozen=True, kw_only=True):
    """``window`` is at most an hour."""

    service: ServiceId
    window: Duration = "1h"


class SuggestedPolicy(View, frozen=True, kw_only=True):
    name: str
    target: str
    action: PolicyAction
    mode: PolicyMode
    rules: list[PolicyRule]


class SuggestedSource(View, frozen=True, kw_only=True):
    """``source`` is `hidden` where you may not view it; ids in ``paths`` are ``{id}``."""

    source: str
    requests: int
    methods: list[str]
    paths: list[str]


class Suggested(View, frozen=True, kw_only=True):
    """``strangers`` are requests of who has no identity, which the policy would deny."""

    policy: SuggestedPolicy
    sampled: int
    covered_s: float
    strangers: int
    sources: list[SuggestedSource]


class Explain(Endpoint):
    writes = "view"

    @operation("policies_explain", body=ExplainBody, answer=Explanation)
    def post(self, request: Request) -> Response:
        """Whether a request may pass and why, decided by the code that proxies run."""
        sent = body(request, ExplainBody)
        actor = actor_of(request)
        actor.require_visible(sent.service.partition("/")[0])
        standing = standing_of(sent.service, _draft(sent.policy))
        arrival = Arrival(sent.service, sent.source, _address(sent.address), _head(sent, standing))
        judged = decided(standing, arrival, sent.at)
        return Response(
            Explanation(
                allowed=judged.allowed,
                policy=judged.policy,
                rule=judged.rule,
                shadow=judged.shadow,
                default_action=standing.default_action,
                status=401 if judged.token else 200 if judged.allowed else 403,
                token=judged.token,
                checks=list(judged.checks),
                because=_because(standing, judged),
                steps=[
                    PolicyExplained(
                        policy=step.policy.name,
                        target=step.target,
                        action=step.policy.action,
                        mode=step.policy.mode,
                        matched=step.matched,
                        decisive=step.decisive,
                        rules=[RuleExplained(index=rule.index, unmet=list(rule.unmet)) for rule in step.rules],
                    )
                    for step in steps(standing, arrival, judged, sent.at)
                ],
            )
        )


class Replay(Endpoint):
    writes = "view"

    @operation("policies_replay", body=ReplayBody, answer=Replayed)
    def post(self, request: Request) -> Response:
        """Try a draft on recent requests, as their callers sent them: which would be denied, which allowed."""
        sent = body(request, ReplayBody)
        now = time.time()
        draft = _draft(sent.policy)
        assert draft is not None
        trial = trials.replay(
            actor=actor_of(request), draft=draft, since=now - seconds("window", sent.window, KEPT_MS // 1000), until=now
        )
        return Response(_replayed(trial))


class Suggest(Endpoint):
    writes = "view"

    @operation("policies_suggest", body=SuggestBody, answer=Suggested)
    def post(self, request: Request) -> Response:
        """The narrowest policy under which what called the service lately would still pass. It is not stored."""
        sent = body(request, SuggestBody)
        now = time.time()
        window_s = seconds("window", sent.window, KEPT_MS // 1000)
        found = suggest(
            actor=actor_of(request), service=sent.service, window_s=window_s, since=now - window_s, until=now
        )
        return Response(
            Suggested(
                policy=_suggested(found.policy, sent.service),
                sampled=found.sampled,
                covered_s=found.covered_s,
                strangers=found.strangers,
                sources=[
                    SuggestedSource(
                        source=source, requests=seen.requests, methods=sorted(seen.methods), paths=sorted(seen.paths)
                    )
                    for source, seen in found.sources.items()
                ],
            )
        )


def _draft(sent: DraftPolicyBody | None) -> DraftPolicy | None:
    return None if sent is None else sent.draft


def _suggested(policy: Policy, target: str) -> SuggestedPolicy:
    return SuggestedPolicy(name=policy.name, target=target, action=policy.action, mode=policy.mode, rules=policy.rules)


def _address(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text)) if text else ""
    except ValueError as error:
        raise InvalidInput.field("address", "invalid", str(error)) from None


def _head(sent: ExplainBody, standing: Standing) -> RequestHead:
    lines = [f"{sent.method} {sent.path} HTTP/1.1", f"host: {sent.host or 'unnamed'}"]
    lines += [f"{name}: {value}" for name, value in sent.headers.items()]
    try:
        head = read_request("\r\n".join(lines).encode())
    except BadMessage as error:
        raise InvalidInput(f"a proxy would answer {error.status}: {error.reason}") from None
    if sent.token is not None:
        if sent.token.provider not in {provider.name for provider in standing.providers}:
            raise InvalidInput.field("token.provider", "unknown_provider", f"{sent.service} takes no such tokens")
        head.token = Token(sent.token.provider, sent.token.claims)
    return head


def _because(standing: Standing, judged: Judged) -> str:
    if judged.token == "absent":  # noqa: S105
        return f"a token of {', '.join(standing.required())} is required"
    if judged.token:
        return f"its token is refused: {judged.token}"
    found = next((policy for policy, _ in standing.policies if policy.name == judged.policy), None)
    if found is not None and judged.rule is not None:
        return f"rule {judged.rule} of {found.action} policy {found.name} matches"
    enforced = [policy for policy, _ in standing.policies if policy.action == "allow" and policy.mode == "enforce"]
    if enforced:
        names = ", ".join(policy.name for policy in enforced)
        return f"no rule of {names} matches, and what no allow policy allows is denied"
    return f"no policy decides, and the default is to {standing.default_action}"


def _replayed(trial: trials.Trial) -> Replayed:
    return Replayed(
        sampled=trial.sampled,
        requests=trial.requests,
        newly_denied=trial.newly_denied,
        newly_allowed=trial.newly_allowed,
        unjudged=trial.unjudged,
        untold=list(trial.untold),
        since=_at(trial.since),
        until=_at(trial.until),
        rows=[
            ReplayRow(
                source=row.source,
                destination=row.destination,
                method=row.method,
                path=row.path,
                requests=row.requests,
                changed=row.changed,
                now="allowed" if row.now else "denied",
                draft="allowed" if row.draft else "denied",
                policy=row.policy,
            )
            for row in trial.rows
        ],
    )


def _at(unix: float | None) -> datetime | None:
    return None if unix is None else datetime.fromtimestamp(unix, UTC)
