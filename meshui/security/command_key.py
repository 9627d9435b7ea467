"""A private key that stays with another program: a hardware module, a remote signer, another user's file.

The program is started for each signature, without a shell. It gets the bytes to be signed (the DER of a certificate's
signed part) on its standard input and writes the signature, ECDSA with SHA-256 in DER, to its standard output; what it
writes to its standard error is logged where it fails. ``openssl dgst -sha256 -sign key.pem`` is such a program.
"""

from __future__ import annotations

import logging
import os
import selectors
import signal
import subprocess
from collections.abc import Sequence
from time import monotonic
from typing import IO, Any, NoReturn

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from meshui.security.errors import AuthorityUnavailable

log = logging.getLogger(__name__)

TIMEOUT_S = 5.0
MAX_OUTPUT = 4096
"""Bytes read of what the program writes, of either stream. A signature has 72 with P-256 and 104 with P-384."""
SHA256 = ec.ECDSA(hashes.SHA256())
ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin"}
"""All that the program gets: nothing of ours, which holds secrets."""


class CommandKey(ec.EllipticCurvePrivateKey):
    """Signs as the key that belongs to a public one, by a command. A signature that does not verify under the public
    key is never used."""

    def __init__(self, command: Sequence[str], public_key: ec.EllipticCurvePublicKey) -> None:
        self._command = list(command)
        self._public_key = public_key

    def sign(
        self, data: bytes | bytearray | memoryview, signature_algorithm: ec.EllipticCurveSignatureAlgorithm
    ) -> bytes:
        """Raises AuthorityUnavailable where the program fails, hangs, or signs with another key."""
        if not isinstance(signature_algorithm.algorithm, hashes.SHA256):
            raise AuthorityUnavailable("the signer signs with SHA-256 alone")
        signature = run(self._command, bytes(data))
        try:
            self._public_key.verify(signature, data, SHA256)
        except InvalidSignature as error:
            raise AuthorityUnavailable("the signer's key is not that of the certificate") from error
        return signature

    def public_key(self) -> ec.EllipticCurvePublicKey:
        return self._public_key

    @property
    def curve(self) -> ec.EllipticCurve:
        return self._public_key.curve

    @property
    def key_size(self) -> int:
        return self._public_key.key_size

    # What a key that is elsewhere cannot do.

    def exchange(self, algorithm: ec.ECDH, peer_public_key: ec.EllipticCurvePublicKey) -> NoReturn:
        raise TypeError("the key is with the signer")

    def private_numbers(self) -> NoReturn:
        raise TypeError("the key is with the signer")

    def private_bytes(self, encoding: Any, format: Any, encryption_algorithm: Any) -> NoReturn:
        raise TypeError("the key is with the signer")

    def __copy__(self) -> CommandKey:
        return self

    def __deepcopy__(self, memo: dict[Any, Any]) -> CommandKey:
        return self


def run(command: Sequence[str], data: bytes) -> bytes:
    """What the command writes when it is given ``data``. Raises AuthorityUnavailable: it cannot be started, takes
    longer than TIMEOUT_S, writes more than MAX_OUTPUT, nothing, or ends with another status than 0."""
    try:
        process = subprocess.Popen(  # noqa: S603 - the command of whoever runs the control plane
            list(command),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=ENVIRONMENT,
            start_new_session=True,
        )
    except OSError as error:
        raise AuthorityUnavailable(f"the signer cannot be started: {error}") from error
    with process:
        try:
            written, said = _talk(process, data)
            status = process.wait(TIMEOUT_S)
        except (TimeoutError, subprocess.TimeoutExpired) as error:
            raise AuthorityUnavailable(f"the signer did not answer within {TIMEOUT_S:.0f} s") from error
        finally:
            _end(process)
    if status or not written:
        log.error("the signer ended with %s: %s", status, said.decode(errors="replace"))
        raise AuthorityUnavailable(f"the signer failed with status {status}; its words are in the log")
    return written


def _talk(process: subprocess.Popen[bytes], data: bytes) -> tuple[bytes, bytes]:
    """Hand the data over and read both streams to their end. Raises TimeoutError, AuthorityUnavailable."""
    assert process.stdin and process.stdout and process.stderr
    read: dict[Any, bytes] = {process.stdout: b"", process.stderr: b""}
    deadline = monotonic() + TIMEOUT_S
    with selectors.DefaultSelector() as ready:
        os.set_blocking(process.stdin.fileno(), False)
        ready.register(process.stdin, selectors.EVENT_WRITE)
        for stream in read:
            ready.register(stream, selectors.EVENT_READ)
        while ready.get_map():
            left = deadline - monotonic()
            if left <= 0:
                raise TimeoutError
            for key, _ in ready.select(left):
                stream = key.fileobj
                if stream is process.stdin:
                    data = _hand_over(process.stdin, data)
                    ended = not data
                else:
                    piece = os.read(key.fd, MAX_OUTPUT)
                    read[stream] += piece
                    ended = not piece
                    if len(read[stream]) > MAX_OUTPUT:
                        raise AuthorityUnavailable(f"the signer writes more than {MAX_OUTPUT} bytes")
                if ended:
                    ready.unregister(stream)
        return read[process.stdout], read[process.stderr]


def _hand_over(stdin: IO[bytes], data: bytes) -> bytes:
    """Write some of the data, and close behind the last; what is left. A program that does not want it says so by its
    status."""
    try:
        data = data[os.write(stdin.fileno(), data) :]
    except BrokenPipeError:
        data = b""
    if not data:
        stdin.close()
    return data


def _end(process: subprocess.Popen[bytes]) -> None:
    """Leave nothing behind of one that still runs, its children included."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
