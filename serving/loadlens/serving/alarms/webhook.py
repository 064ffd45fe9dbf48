"""Messages to a web address, signed as Standard Webhooks (standardwebhooks.com) does it.

    webhook-id: <message>   webhook-timestamp: <seconds>   webhook-signature: v1,<base64 of HMAC-SHA256>

What is signed is `id.timestamp.body`. A receiver checks it with any of that project's libraries, refuses old
timestamps, and keeps the ids that it has seen. Addresses come from the settings alone; those inside the site are used
only where the settings say so, and the address that was checked is the one that is connected to.
"""

import base64
import hashlib
import hmac
import ipaddress
import socket
import threading
import time

import httpx2

from loadlens.serving.alarms.outbox import DeliveryError
from loadlens.serving.alarms.settings import WebhookSettings, secret_bytes
from loadlens.serving.store.alarm_tables import Outgoing

_TIMEOUT_S = 10.0
_PORTS = {"http": 80, "https": 443}


class WebhookChannel:
    """Delivers to one address; only an answer of 2xx counts, and a redirect is none."""

    def __init__(self, target: WebhookSettings) -> None:
        self.name = f"webhook:{target.name}"
        self.topics = target.events
        self._url = httpx2.URL(str(target.url))
        self._secret = secret_bytes(target.secret.get_secret_value())
        self._allow_private = target.allow_private
        # A proxy of the site or a .netrc must not get into the way of what the settings say.
        self._http = httpx2.Client(timeout=_TIMEOUT_S, follow_redirects=False, trust_env=False)

    def start(self, _wake: threading.Event) -> None:
        """Nothing to begin: every delivery connects anew."""

    def stop(self) -> None:
        """Let go of the connections."""
        self._http.close()

    def ready(self) -> bool:
        """Always: only a try can tell."""
        return True

    def deliver(self, outgoing: Outgoing) -> None:
        """Post the message. Raises DeliveryError with a reason."""
        body = outgoing.payload.encode()
        moment = str(int(time.time()))
        url = self._url
        address = checked_address(url, allow_private=self._allow_private)
        request = self._http.build_request(
            "POST",
            url.copy_with(host=address),
            content=body,
            headers={
                "Host": url.netloc.decode(),
                "Content-Type": "application/json",
                "webhook-id": outgoing.message,
                "webhook-timestamp": moment,
                "webhook-signature": signature(self._secret, outgoing.message, moment, body),
            },
            # The certificate is checked against the name, not against the address.
            extensions={"sni_hostname": url.host},
        )
        try:
            # The body of the answer is not read: it may be of any length.
            answer = self._http.send(request, stream=True)
            answer.close()
        except httpx2.HTTPError as error:
            raise DeliveryError(f"{type(error).__name__}: {error}") from error
        if not answer.is_success:
            raise DeliveryError(f"answered {answer.status_code}")


def signature(secret: bytes, message: str, moment: str, body: bytes) -> str:
    """The header that proves who sent a body and when."""
    digest = hmac.digest(secret, b".".join((message.encode(), moment.encode(), body)), hashlib.sha256)
    return f"v1,{base64.b64encode(digest).decode()}"


def checked_address(url: httpx2.URL, *, allow_private: bool) -> str:
    """The address behind a URL. Raises DeliveryError where there is none, or one that must not be used."""
    try:
        found = socket.getaddrinfo(url.host, url.port or _PORTS[url.scheme], type=socket.SOCK_STREAM)
    except OSError as error:
        raise DeliveryError(f"{url.host} is not known: {error.strerror}") from error
    addresses = [str(entry[4][0]) for entry in found]
    if not allow_private and (inside := [text for text in addresses if not _is_public(text)]):
        raise DeliveryError(
            f"{url.host} is {inside[0]}, inside the site; set allow_private for this webhook if it is meant"
        )
    return addresses[0]


def _is_public(text: str) -> bool:
    address = ipaddress.ip_address(text.partition("%")[0])
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_global and not address.is_multicast
