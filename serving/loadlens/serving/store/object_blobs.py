"""Blobs in an S3-compatible store. Where it is and who we are is read from the usual variables: AWS_ENDPOINT_URL,
AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY; they are secrets or facts of the machine, not settings of ours.
"""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from urllib.parse import urlsplit

from loadlens.serving.store.blobs import checked
from loadlens.serving.store.errors import BlobMissingError, StoreUnavailableError, StoreUrlError

try:
    import obstore
    from obstore.exceptions import AlreadyExistsError, BaseError, NotSupportedError
    from obstore.store import S3Store
except ModuleNotFoundError as error:
    raise StoreUrlError("an s3:// store needs more packages: install loadlens[site]") from error

# Whoever waits is a camera, which asks again by itself; so the store is given up early and the camera told so.
_CONNECT, _ANSWER, _RETRY = timedelta(seconds=3), timedelta(seconds=20), timedelta(seconds=10)


def open_object_blobs(url: str) -> "ObjectBlobs":
    """The blobs under `s3://bucket/prefix`. Raises StoreUrlError for anything else."""
    parts = urlsplit(url)
    if parts.scheme != "s3" or not parts.hostname or parts.query or parts.username:
        raise StoreUrlError(f"{url!r} names no store; write s3://bucket/prefix, and the keys in AWS_ACCESS_KEY_ID …")
    endpoint = os.environ.get("AWS_ENDPOINT_URL", "")
    return ObjectBlobs(
        S3Store(
            parts.hostname,
            prefix=parts.path.strip("/") or None,
            client_options={
                "allow_http": endpoint.startswith("http://"),
                "connect_timeout": _CONNECT,
                "timeout": _ANSWER,
            },
            retry_config={"max_retries": 2, "retry_timeout": _RETRY},
        )
    )


class ObjectBlobs:
    """A bucket, or a part of one, that holds nothing else."""

    def __init__(self, store: "S3Store") -> None:
        self._store = store

    def put(self, data: bytes) -> str:
        """See Blobs."""
        sha256 = hashlib.sha256(data).hexdigest()
        self.keep(data, sha256)
        return sha256

    def keep(self, data: bytes, sha256: str) -> bool:
        """See Blobs."""
        with _answering():
            try:
                obstore.put(self._store, _key(sha256), data, mode="create", use_multipart=False)
            except AlreadyExistsError:
                return True
            except NotSupportedError:
                # A store that cannot refuse to overwrite: the bytes would be the same.
                obstore.put(self._store, _key(sha256), data, use_multipart=False)
                return True
        return False

    def get(self, sha256: str) -> bytes:
        """See Blobs."""
        with _answering():
            try:
                data = obstore.get(self._store, _key(sha256)).bytes().to_bytes()
            except FileNotFoundError:
                raise BlobMissingError(sha256) from None
        return checked(sha256, data)

    def exists(self, sha256: str) -> bool:
        """See Blobs."""
        with _answering():
            try:
                obstore.head(self._store, _key(sha256))
            except FileNotFoundError:
                return False
        return True

    def delete(self, sha256: str) -> None:
        """See Blobs."""
        with _answering():
            obstore.delete(self._store, _key(sha256))


def _key(sha256: str) -> str:
    return f"{sha256[:2]}/{sha256}"


@contextmanager
def _answering() -> Iterator[None]:
    """Say of whatever the store could not do that it is not available: no answer, no bucket, no right to it."""
    try:
        yield
    except (BaseError, FileNotFoundError) as error:
        raise StoreUnavailableError(f"the store of pictures does not answer as it should: {error}") from error
