"""What can go wrong with the records and the pictures: one plain sentence each, mapped to HTTP at the edge.

StoreError
├── StoreUrlError           a setting that names no database or store; found at start
├── StoreUnavailableError   the database or the store does not answer now; nothing was lost, ask again
├── StoreFullError          no room is left; nothing was stored
└── BlobError               `sha256` names the blob
    ├── BlobMissingError    it is not in the store
    └── BlobDamagedError    what is in the store has another digest
"""

from sqlalchemy.exc import TimeoutError as NoConnectionLeftError


class StoreError(Exception):
    """The records or the pictures could not be used; the message says why and what to do."""


class StoreUrlError(StoreError):
    """A setting names no database or store that can be used."""


class StoreUnavailableError(StoreError):
    """The database or the store does not answer now. What was acknowledged is kept; ask again."""


class StoreFullError(StoreError):
    """No room is left. What was asked for was not stored."""


class BlobError(StoreError):
    """One blob cannot be had."""

    def __init__(self, sha256: str, fault: str) -> None:
        super().__init__(f"blob {sha256} {fault}")
        self.sha256 = sha256


class BlobMissingError(BlobError):
    """The store has no such blob."""

    def __init__(self, sha256: str) -> None:
        super().__init__(sha256, "is not in the store; bring it back from a backup")


class BlobDamagedError(BlobError):
    """The bytes in the store are not those that were stored."""

    def __init__(self, sha256: str) -> None:
        super().__init__(sha256, "is damaged: its bytes have another digest; bring it back from a backup")


OUTAGES = (StoreUnavailableError, StoreFullError, NoConnectionLeftError)
"""What passes by itself or by what an operator does: whoever can wait tries again."""
