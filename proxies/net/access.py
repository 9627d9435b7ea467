"""A listener's access policies at work: who asks with which token, what is asked of others, what is decided, where it
is counted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Final

from proxies.core import flags
from proxies.core.actions import Answer
from proxies.core.authorize import Asked, Guard
from proxies.core.decisions import Tally
from proxies.core.head import RequestHead
from proxies.core.identity import PROBER
from proxies.core.rules import Who
from proxies.core.tokens import BadToken, Verifier
from proxies.net.external import External, Outcome
from proxies.net.metrics import UNKNOWN, Row
from proxies.net.replies import Refused

if TYPE_CHECKING:
    from proxies.net.relay import TcpConnection
    from proxies.net.server import ServerConnection

_NO_TOKEN: Final = Answer(401, flags.ACCESS_DENIED, [b'www-authenticate: Bearer realm="mesh"'])
_BAD_TOKEN: Final = Answer(401, flags.ACCESS_DENIED, [b'www-authenticate: Bearer realm="mesh", error="invalid_token"'])


class Access:
    """The registry's own health checks always pass: they say whether an instance is well, not who may call it."""

    __slots__ = ("_checks", "_guard", "_tally", "_verifier")

    def __init__(
        self, guard: Guard, tally: Tally, verifier: Verifier | None = None, checks: Mapping[str, External] | None = None
    ) -> None:
        """``checks`` are the guard's external policies, by name."""
        self._guard = guard
        self._tally = tally
        self._verifier = verifier
        self._checks = checks or {}

    def admit(self, connection: ServerConnection, head: RequestHead, row: Row) -> Inquiry | None:
        """Let a request in, or say what must be asked of others first. Raises Refused, on the ``row``."""
        source = connection.source
        if source == PROBER:
            return None
        if self._verifier is not None:
            self._verify(self._verifier, head, row)
        address = connection.peer_address().decode() if self._guard.by_address else ""
        who = Who("" if source == UNKNOWN else source, address)
        if self._guard.asks:
            inquiry = self._inquiry(connection, who, head, row)
            if inquiry is not None:
                return inquiry
        self.decide(who, head, row)
        return None

    def decide(self, who: Who, head: RequestHead, row: Row) -> None:
        """What policies say that ask nobody; it is counted. Raises Refused."""
        decision = self._guard.decide(who, head)
        self._tally.count(decision)
        head.decision = decision
        if not decision.allowed:
            raise Refused(403, flags.ACCESS_DENIED, row)

    def _verify(self, verifier: Verifier, head: RequestHead, row: Row) -> None:
        try:
            verifier.read(head)
        except BadToken as error:
            head.rule = f"jwt:{error.provider}" if error.provider else "jwt"
            answer = _NO_TOKEN if error.reason == "absent" else _BAD_TOKEN
            raise Refused(answer.status, answer.flag, row, answer) from None

    def _inquiry(self, connection: ServerConnection, who: Who, head: RequestHead, row: Row) -> Inquiry | None:
        """What is to be asked before a request may go on. Checks in shadow mode are asked too, but not waited for."""
        waited = []
        for asked in self._guard.asked(who, head):
            check = self._checks[asked.policy.name]
            if check.enforced:
                waited.append((check, asked))
            else:
                check.ask(connection, head, partial(self.count, asked))
        return Inquiry(self, waited, connection, who, head, row) if waited else None

    def count(self, asked: Asked, outcome: Outcome) -> None:
        """Count what came of a check."""
        shadow = asked.policy.mode == "shadow"
        self._tally.count_check(
            asked.policy.name, asked.rule, passed=outcome.passed, failed=outcome.failed, shadow=shadow
        )

    def admits_connection(self, connection: TcpConnection) -> bool:
        """Decide on a connection that is carried on whole, and count that."""
        return self._of_connection(connection, count=True)

    def keeps(self, connection: TcpConnection) -> bool:
        """Whether a connection that was admitted before would be admitted now."""
        return self._of_connection(connection, count=False)

    def _of_connection(self, connection: TcpConnection, *, count: bool) -> bool:
        source = connection.source
        if source == PROBER:
            return True
        address = connection.peer_address if self._guard.by_address else ""
        decision = self._guard.decide_connection(Who("" if source == UNKNOWN else source, address))
        connection.rule = decision.name
        if count:
            self._tally.count(decision)
        return decision.allowed


class Inquiry:
    """The checks that one request needs, asked one after the other."""

    __slots__ = ("_access", "_connection", "_head", "_left", "_row", "_then", "_who")

    def __init__(
        self,
        access: Access,
        checks: list[tuple[External, Asked]],
        connection: ServerConnection,
        who: Who,
        head: RequestHead,
        row: Row,
    ) -> None:
        self._access = access
        self._left = checks
        self._connection = connection
        self._who = who
        self._head = head
        self._row = row
        self._then: Callable[[Refused | None], None]

    def ask(self, then: Callable[[Refused | None], None]) -> None:
        """Tell ``then`` what the first check that does not let the request pass refuses it with; None if all do."""
        self._then = then
        self._ask_next()

    def settle(self, refusal: Refused | None) -> None:
        """Decide by the other policies where no check refused. Raises Refused."""
        if refusal is not None:
            raise refusal
        self._access.decide(self._who, self._head, self._row)

    def _ask_next(self) -> None:
        if self._left:
            check, asked = self._left.pop(0)
            check.ask(self._connection, self._head, partial(self._answered, check, asked))
        else:
            self._then(None)

    def _answered(self, check: External, asked: Asked, outcome: Outcome) -> None:
        self._access.count(asked, outcome)
        if outcome.passed:
            check.add(self._head, outcome.lines)
            self._ask_next()
            return
        self._head.rule = f"external:{check.policy}"
        if outcome.answer is not None:
            self._then(Refused(outcome.answer.status, flags.ACCESS_DENIED, self._row, outcome.answer))
        else:
            self._then(Refused(403, flags.ACCESS_DENIED, self._row))
