"""Listening to the devices of a lane over MQTT (see `topics`).

The session outlives a restart, and a message is confirmed to the broker only once it lies in the spool; so what was
published with QoS 1 while this reader was down is not lost.
"""

import logging
import re
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from loadlens.serving.ingest.weighbridge.device import Device
from loadlens.serving.ingest.weighbridge.indication import Reject
from loadlens.serving.ingest.weighbridge.topics import Weight, facts, indication, read_payload, reading_id

log = logging.getLogger("loadlens.weighbridge")

_KEEPALIVE_S = 15
_LOOK_EVERY_S = 0.5
# A broker's topics are open to many; devices beyond this are not listened to.
_MOST_DEVICES = 100
_NAME = re.compile(r"\w[\w.\-]{0,63}")


@dataclass(frozen=True, slots=True)
class Subscription:
    """Where the broker is and what to listen to; `client_id` must stay the same over restarts, and be nobody else's."""

    host: str
    port: int
    prefix: str
    lane: str
    client_id: str
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: bool = False


class MqttReader:
    """Keeps what the devices of one lane publish, until it is told to stop; devices are known once they speak."""

    def __init__(self, subscription: Subscription, new_device: Callable[[str], Device]) -> None:
        self._subscription = subscription
        self._new_device = new_device
        self._devices: dict[str, Device] = {}
        self._failure: Exception | None = None
        self._client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=subscription.client_id,
            clean_session=False,
            manual_ack=True,
        )
        if subscription.username is not None:
            self._client.username_pw_set(subscription.username, subscription.password)
        if subscription.tls:
            self._client.tls_set_context(ssl.create_default_context())
        self._client.reconnect_delay_set(1, 30)
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_message = self._on_message

    @property
    def devices(self) -> tuple[Device, ...]:
        """The devices that have spoken."""
        return tuple(self._devices.values())

    def run(self, stop: threading.Event) -> None:
        """Listen until `stop` is set. What nobody foresaw in a message is raised here: whoever started us must know
        that nothing is heard any more."""
        self._client.connect_async(self._subscription.host, self._subscription.port, _KEEPALIVE_S)
        self._client.loop_start()
        while not stop.wait(_LOOK_EVERY_S) and self._failure is None:
            pass
        self._client.disconnect()
        self._client.loop_stop()
        if self._failure is not None:
            raise self._failure

    def _on_connect(
        self, client: Client, _data: Any, _flags: ConnectFlags, reason: ReasonCode, _properties: Properties | None
    ) -> None:
        where = f"{self._subscription.host}:{self._subscription.port}"
        if reason.is_failure:
            log.error("the broker %s refuses us: %s", where, reason)
            return
        log.info("connected to the broker %s", where)
        for device in self.devices:
            device.connected()
        client.subscribe(f"{self._subscription.prefix}/{self._subscription.lane}/+/+", qos=1)

    def _on_disconnect(
        self, _client: Client, _data: Any, _flags: DisconnectFlags, reason: ReasonCode, _properties: Properties | None
    ) -> None:
        for device in self.devices:
            device.lost(f"the broker is away: {reason}")

    def _on_message(self, client: Client, _data: Any, message: MQTTMessage) -> None:
        try:
            taken = self._taken(message.topic, bytes(message.payload))
        except Exception as error:  # the thread is the library's, which would end without a word
            self._failure = error
            return
        if taken:
            client.ack(message.mid, message.qos)

    def _taken(self, topic: str, payload: bytes) -> bool:
        """Whether the broker may forget the message: it is kept, or it can never be used."""
        name, kind = topic.split("/")[-2:]
        device = self._device(name)
        if device is None:
            return True
        device.heard()
        message = read_payload(kind, payload)
        if isinstance(message, Reject):
            log.warning("%s: %s: %r", topic, message.reason, payload[:200])
            device.shows(message)
            return True
        at, known_as = message.at.isoformat(), reading_id(topic, payload, message)
        if isinstance(message, Weight):
            return device.shows(indication(message, payload), at=at, reading_id=known_as)
        return device.keep(kind, facts(message, payload), payload, at=at, reading_id=known_as)

    def _device(self, name: str) -> Device | None:
        if name not in self._devices:
            if not _NAME.fullmatch(name):
                log.error("%r is not the name of a device; use letters, digits, - and _", name[:80])
                return None
            if len(self._devices) == _MOST_DEVICES:
                log.error("more than %d devices publish in this lane; %r is not listened to", _MOST_DEVICES, name)
                return None
            self._devices[name] = self._new_device(name)
            self._devices[name].connected()
        return self._devices[name]
