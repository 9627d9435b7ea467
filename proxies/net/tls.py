"""TLS over memory buffers, and who the peer is.

asyncio's own TLS layers schedule callbacks around every record; here a read decrypts and a write encrypts at once,
which costs about half, and contexts can be swapped between connections. A connection is handed to its protocol only
after the peer proved its identity. Keys never touch the disk.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import ssl
from typing import Any

from proxies.net.denials import Denials
from proxies.net.flow import Receiver
from proxies.net.identity import IdentityError, peer_identity

ALPN = ["http/1.1"]
HANDSHAKE_TIMEOUT_S = 10.0
STRANGER = "stranger"
_READ_SIZE = 16 * 1024
"""The largest record. The ssl module allocates what it is asked for, whatever arrives."""


def build_contexts(certificate_chain: str, key: str, bundle: list[str]) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """``(server, client)`` contexts for mutual TLS. Both require a peer certificate under the bundle; host names
    mean nothing here, identities do. Raises ssl.SSLError or ValueError for PEM that is none."""
    roots = "\n".join(bundle)
    contexts = []
    for purpose in (ssl.PROTOCOL_TLS_SERVER, ssl.PROTOCOL_TLS_CLIENT):
        context = ssl.SSLContext(purpose)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.check_hostname = False
        context.verify_mode = ssl.CERT_REQUIRED
        context.set_alpn_protocols(ALPN)
        context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
        context.load_verify_locations(cadata=roots)
        _load_chain(context, certificate_chain, key)
        contexts.append(context)
    server, client = contexts
    server.num_tickets = 1
    server.sni_callback = _remember_name
    return server, client


def _load_chain(context: ssl.SSLContext, certificate_chain: str, key: str) -> None:
    # The ssl module reads keys from files only; an anonymous memory file keeps the key off every disk.
    descriptor = os.memfd_create("identity", os.MFD_CLOEXEC)
    try:
        os.write(descriptor, f"{key}\n{certificate_chain}".encode())
        context.load_cert_chain(f"/proc/self/fd/{descriptor}")
    finally:
        os.close(descriptor)


def _remember_name(session: Any, name: str | None, context: ssl.SSLContext) -> None:
    session.requested_name = name


class Handshakes:
    """How many handshakes of one side ended well, and how many because one would not have the other."""

    __slots__ = ("done", "refused")

    def __init__(self) -> None:
        self.done = 0
        self.refused = 0


class TlsProtocol:
    """Sits between a TCP transport and a protocol, which takes it for its transport."""

    __slots__ = (
        "_closing",
        "_deadline",
        "_denials",
        "_done",
        "_expected",
        "_failure",
        "_handshakes",
        "_incoming",
        "_inner",
        "_outgoing",
        "_peer_ended",
        "_raw",
        "_sessions",
        "peer",
        "serial",
        "session",
    )

    _raw: asyncio.Transport

    def __init__(
        self,
        inner: Receiver,
        context: ssl.SSLContext,
        *,
        server_side: bool,
        expected: str = "",
        sessions: Sessions | None = None,
        denials: Denials | None = None,
        handshakes: Handshakes | None = None,
    ) -> None:
        """``expected`` is the identity that the peer must have; a server takes any under its bundle, but those of the
        ``denials``. A client resumes the session of ``sessions`` and leaves its own there. ``handshakes`` is where it
        is counted."""
        self._inner = inner
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._expected = expected
        self._sessions = sessions
        self._denials = denials
        self._handshakes = handshakes
        self._closing = False
        self._peer_ended = False
        self._deadline: asyncio.TimerHandle | None = None
        self._done: asyncio.Future[None] | None = None
        self._failure: Exception | None = None
        self.peer = ""
        """The peer's identity, or STRANGER where none is asked for; empty until the handshake is over."""
        self.serial = ""
        """Of the peer's certificate, hex in lower case."""
        self.session = context.wrap_bio(
            self._incoming,
            self._outgoing,
            server_side=server_side,
            session=sessions.of(context) if sessions is not None else None,
        )

    async def handshaken(self) -> None:
        """Wait for the end of the handshake. Raises OSError (ssl.SSLError among them) if it fails."""
        if self._failure is not None:
            raise self._failure
        if not self.peer:
            self._done = asyncio.get_running_loop().create_future()
            await self._done

    @property
    def requested_name(self) -> str | None:
        """The server name that a client asked for (SNI)."""
        return getattr(self.session, "requested_name", None)

    # --- what the TCP transport calls

    def connection_made(self, transport: asyncio.Transport) -> None:
        self._raw = transport
        self._deadline = asyncio.get_running_loop().call_later(HANDSHAKE_TIMEOUT_S, transport.abort)
        self._handshake()

    def data_received(self, data: bytes) -> None:
        self._incoming.write(data)
        if not self.peer and not self._handshake():
            return
        plain: list[bytes] = []
        ended = False
        try:
            while True:
                piece = self.session.read(_READ_SIZE)
                if not piece:
                    ended = True
                    break
                plain.append(piece)
                if not self._incoming.pending and not self.session.pending():
                    break  # asking once more would cost an exception
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            ended = True
        except ssl.SSLError as error:
            self._fail(error)
            return
        if self._outgoing.pending:
            self._raw.write(self._outgoing.read())
        if plain:
            if self._sessions is not None:  # with TLS 1.3 tickets come behind the handshake
                self._sessions.keep(self.session)
                self._sessions = None
            self._inner.data_received(plain[0] if len(plain) == 1 else b"".join(plain))
        if ended:
            self._peer_ended = True
            if not self._inner.eof_received():
                self.close()

    def eof_received(self) -> bool:
        """TCP ended without a close_notify: to a body that ends with its connection this is truncation."""
        if self._peer_ended and not self._closing:
            return True  # it had given notice, and we go on
        self._fail(ConnectionResetError("the peer closed without notice"))
        return False

    def connection_lost(self, error: Exception | None) -> None:
        self._closing = True
        self._stop_deadline()
        if self._denials is not None:
            self._denials.closed(self)
        if self.peer:
            self._inner.connection_lost(error)
        else:
            self._report(error or ConnectionResetError("the peer closed during the handshake"))

    def pause_writing(self) -> None:
        if self.peer:
            self._inner.pause_writing()

    def resume_writing(self) -> None:
        if self.peer:
            self._inner.resume_writing()

    # --- what the inner protocol calls

    def write(self, data: bytes) -> None:
        if self._closing:
            return
        try:
            sent = self.session.write(data)
            while sent < len(data):
                data = data[sent:]
                sent = self.session.write(data)
        except ssl.SSLError as error:
            self._fail(error)
            return
        self._raw.write(self._outgoing.read())

    def can_write_eof(self) -> bool:
        return False

    def write_eof(self) -> None:
        raise NotImplementedError("an HTTP connection over TLS is closed whole")

    def end_sending(self) -> None:
        """Give notice that nothing more will come (RFC 8446 section 6.1); the peer may go on. Once at most, and nothing
        is written after it."""
        with contextlib.suppress(ssl.SSLError):  # it asks for the peer's notice too, which comes when it comes
            self.session.unwrap()
        if self._outgoing.pending:
            self._raw.write(self._outgoing.read())

    def close(self) -> None:
        if self._closing:
            return
        self._closing = True
        with contextlib.suppress(ssl.SSLError):  # our notice is written, the peer's is not waited for
            self.session.unwrap()
        if self._outgoing.pending:
            self._raw.write(self._outgoing.read())
        self._raw.close()

    def abort(self) -> None:
        self._closing = True
        self._raw.abort()

    def is_closing(self) -> bool:
        return self._closing or self._raw.is_closing()

    def pause_reading(self) -> None:
        self._raw.pause_reading()

    def resume_reading(self) -> None:
        self._raw.resume_reading()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._raw.get_extra_info(name, default)

    # --- inside

    def _handshake(self) -> bool:
        """Go on with the handshake; true once it is over and the peer is who it must be."""
        error: Exception | None = None
        try:
            self.session.do_handshake()
            peer, serial = peer_identity(self.session) if self.session.context.verify_mode else (STRANGER, "")
            if self._expected and peer != self._expected:
                raise IdentityError("the peer has another identity than the service")
            if self._denials is not None and self._denials.refuses(peer, serial):
                raise IdentityError("the peer is denied")
        except ssl.SSLWantReadError:
            peer = ""
        except IdentityError as mistaken:
            peer = ""
            error = mistaken
            self._outgoing.read()  # a client's last flight shows who it is, and lets the server go on: not to this one
        except ssl.SSLError as failure:
            peer = ""
            error = failure
        if self._outgoing.pending:
            self._raw.write(self._outgoing.read())
        if error is not None:
            if self._handshakes is not None:
                self._handshakes.refused += 1
            self._fail(error)
            return False
        if not peer:
            return False
        self.peer, self.serial = peer, serial
        self._stop_deadline()
        if self._handshakes is not None:
            self._handshakes.done += 1
        if self._denials is not None:
            self._denials.opened(self)
        self._inner.connection_made(self)
        if self._done is not None and not self._done.done():
            self._done.set_result(None)
        return True

    def _stop_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _fail(self, error: Exception) -> None:
        self._closing = True
        self._report(error)
        self._raw.close()

    def _report(self, error: Exception) -> None:
        self._failure = self._failure or error
        if self._done is not None and not self._done.done():
            self._done.set_exception(self._failure)


class Sessions:
    """The last session with one server, to be resumed. It belongs to its context: other credentials, no session."""

    __slots__ = ("_context", "_session")

    def __init__(self) -> None:
        self._context: ssl.SSLContext | None = None
        self._session: ssl.SSLSession | None = None

    def of(self, context: ssl.SSLContext) -> ssl.SSLSession | None:
        return self._session if context is self._context else None

    def keep(self, connection: ssl.SSLObject) -> None:
        self._context = connection.context
        self._session = connection.session


class ClientTls:
    """How a proxy speaks mTLS to others. ``context`` is replaced when credentials are renewed."""

    def __init__(self, denials: Denials | None = None) -> None:
        self.context: ssl.SSLContext | None = None
        self.handshakes = Handshakes()
        self._denials = denials

    def wrap(self, inner: Receiver, identity: str, sessions: Sessions) -> TlsProtocol:
        """Raises IdentityError where this proxy has no certificate, or the service no identity to expect."""
        if self.context is None or not identity:
            raise IdentityError("no identity to speak mTLS with")
        return TlsProtocol(
            inner,
            self.context,
            server_side=False,
            expected=identity,
            sessions=sessions,
            denials=self._denials,
            handshakes=self.handshakes,
        )


class ServerTls:
    """How a proxy receives mTLS: the current context, the trust domain that peers must belong to, and who may not."""

    def __init__(self, denials: Denials | None = None) -> None:
        self.context: ssl.SSLContext | None = None
        self.trust_domain = ""
        self.handshakes = Handshakes()
        self.denials = denials
