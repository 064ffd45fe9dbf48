"""The Ed25519 keys that sign the journal: PEM in one file outside the database, readable by its owner alone.

A key is named by its public half, 64 hexadecimal digits.
"""

import os
import tempfile
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

_END = b"-----END PRIVATE KEY-----\n"


class SigningKeyError(RuntimeError):
    """The key that the journal needs cannot be used; the message says why and what to do."""


class SigningKeys:
    """The private keys of one file. It holds one; two while one takes the place of the other."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._known: dict[str, Ed25519PrivateKey] = {}

    def create(self) -> str:
        """Make the file with one new key, where there is no file yet; returns the newest key of the file."""
        if not self.path.exists():
            self._write([Ed25519PrivateKey.generate()])
        return public_of(self._read()[0])

    def add(self) -> str:
        """Put a new key before those in the file; returns it."""
        self._write([Ed25519PrivateKey.generate(), *self._read()])
        return public_of(self._read()[0])

    def keep_only(self, public: str) -> None:
        """Drop every key but this one."""
        self._write([key for key in self._read() if public_of(key) == public])

    def check(self, public: str) -> None:
        """Raise SigningKeyError where the file does not hold this key."""
        if public in self._known:
            return
        # Another process may have put a new key into the file.
        self._known = {public_of(key): key for key in self._read()}
        if public not in self._known:
            raise SigningKeyError(
                f"{self.path} does not hold the key {public} that signs this journal; put the right file there"
            )

    def sign(self, public: str, message: bytes) -> str:
        """The signature as hexadecimal text. Raises SigningKeyError."""
        self.check(public)
        return self._known[public].sign(message).hex()

    def _read(self) -> list[Ed25519PrivateKey]:
        try:
            mode, data = self.path.stat().st_mode, self.path.read_bytes()
        except OSError as error:
            raise SigningKeyError(
                f"the signing key {self.path} cannot be read ({error.strerror}); put back the file that this journal "
                "was signed with, or name it in the setting `signing_key`, as the server does"
            ) from error
        if mode & 0o077:
            raise SigningKeyError(f"others may read the signing key {self.path}; run chmod 600 on it")
        keys = []
        try:
            for block in data.split(_END)[:-1]:
                key = load_pem_private_key(block + _END, password=None)
                if not isinstance(key, Ed25519PrivateKey):
                    raise SigningKeyError(f"{self.path} holds a key that is not Ed25519")
                keys.append(key)
        except ValueError as error:
            raise SigningKeyError(f"{self.path} is not a PEM file of private keys ({error})") from error
        if not keys:
            raise SigningKeyError(f"{self.path} holds no private key")
        return keys

    def _write(self, keys: list[Ed25519PrivateKey]) -> None:
        """Whole or not at all; `mkstemp` makes the file with mode 0600. It stays its owner's, whoever changes it."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        owner = self.path.stat() if self.path.exists() else None
        descriptor, name = tempfile.mkstemp(dir=self.path.parent, prefix=f".{self.path.name}-")
        with os.fdopen(descriptor, "wb") as file:
            if owner is not None:
                os.fchown(descriptor, owner.st_uid, owner.st_gid)
            for key in keys:
                file.write(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(self.path)


def public_of(key: Ed25519PrivateKey) -> str:
    """The public half, which is the key's name."""
    return key.public_key().public_bytes_raw().hex()


def is_signed(public: str, message: bytes, signature: str) -> bool:
    """Whether this key signed this message. False also where key or signature is no such thing."""
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(public)).verify(bytes.fromhex(signature), message)
    except (InvalidSignature, ValueError):
        return False
    return True
