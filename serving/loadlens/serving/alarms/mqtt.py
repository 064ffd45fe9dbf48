"""Alarms over MQTT: each as a message of QoS 1, and the state of each lane as a retained one.

<prefix>/alarms, <prefix>/lanes/<lane>/alarms    every alarm and acknowledgement (see `alarms`)
<prefix>/lanes/<lane>/state                      retained: {"state": "alarm"|"ok", "open": [alarms]}
<prefix>/servers/<node>                          retained: "online"; "offline" by the broker when we are gone
"""

import ssl
import threading
from collections.abc import Callable
from typing import Any

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessageInfo
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from loadlens.serving.alarms.outbox import DeliveryError, log
from loadlens.serving.alarms.settings import MqttSettings, Topic
from loadlens.serving.store.alarm_tables import Outgoing

_CONFIRM_WITHIN_S = 10.0
_KEEPALIVE_S = 15
ONLINE, OFFLINE = b"online", b"offline"


class MqttChannel:
    """Delivers to one broker; `lane_states` gives the present retained state of the lanes as JSON, of one or of all."""

    name = "mqtt"
    topics: frozenset[Topic] = frozenset({"alarms"})

    def __init__(self, broker: MqttSettings, lane_states: Callable[[str | None], dict[str, str]]) -> None:
        self._broker = broker
        self._lane_states = lane_states
        self._wake: threading.Event | None = None
        self._greeted = False
        self._client = Client(CallbackAPIVersion.VERSION2, client_id=f"loadlens-{broker.node}", clean_session=True)
        if broker.username is not None:
            password = None if broker.password is None else broker.password.get_secret_value()
            self._client.username_pw_set(broker.username, password)
        if broker.tls:
            self._client.tls_set_context(ssl.create_default_context(cafile=broker.ca_file))
        self._client.will_set(self._presence, OFFLINE, qos=1, retain=True)
        self._client.reconnect_delay_set(1, 30)
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect

    @property
    def _presence(self) -> str:
        return f"{self._broker.prefix}/servers/{self._broker.node}"

    def start(self, wake: threading.Event) -> None:
        """Connect, and go on trying for as long as it takes."""
        self._wake = wake
        self._client.connect_async(self._broker.host, self._broker.port, _KEEPALIVE_S)
        self._client.loop_start()

    def stop(self) -> None:
        """Say that we are gone, and go; a broker that has gone before us says it by our will."""
        if self._client.is_connected():
            try:
                self._publish(self._presence, OFFLINE, retain=True)
            except DeliveryError as error:
                log.warning("mqtt: %s", error)
        self._client.disconnect()
        self._client.loop_stop()

    def ready(self) -> bool:
        """Whether the broker is there; after each return of it everything retained is told anew."""
        if not self._client.is_connected():
            return False
        if not self._greeted:
            self._greeted = True
            try:
                self._publish(self._presence, ONLINE, retain=True)
                self._tell_states(None)
            except DeliveryError as error:
                self._greeted = False
                log.warning("mqtt: %s", error)
        return self._greeted

    def deliver(self, outgoing: Outgoing) -> None:
        """Publish an alarm, then the state of its lane. Raises DeliveryError where the broker does not confirm."""
        place = "" if outgoing.lane is None else f"/lanes/{outgoing.lane}"
        self._publish(f"{self._broker.prefix}{place}/alarms", outgoing.payload.encode(), retain=False)
        if outgoing.lane is not None:
            self._tell_states(outgoing.lane)

    def _tell_states(self, lane: str | None) -> None:
        """Tell the states until none has changed meanwhile: of several servers, one that was slow would else leave
        there what no longer holds, such as "ok" over a newer alarm."""
        told: dict[str, str] = {}
        while (states := self._lane_states(lane)) != told:
            for known, state in states.items():
                if told.get(known) != state:
                    self._publish(f"{self._broker.prefix}/lanes/{known}/state", state.encode(), retain=True)
            told = states

    def _publish(self, topic: str, payload: bytes, *, retain: bool) -> None:
        info: MQTTMessageInfo = self._client.publish(topic, payload, qos=1, retain=retain)
        if info.rc != MQTTErrorCode.MQTT_ERR_SUCCESS:
            raise DeliveryError(f"the broker was not reached ({info.rc.name})")
        info.wait_for_publish(_CONFIRM_WITHIN_S)  # raises only for an `rc` that says the message never left
        if not info.is_published():
            raise DeliveryError(f"the broker did not confirm within {_CONFIRM_WITHIN_S:.0f} s")

    def _on_connect(
        self, _client: Client, _data: Any, _flags: ConnectFlags, reason: ReasonCode, _properties: Properties | None
    ) -> None:
        if reason.is_failure:
            log.error("mqtt: %s:%d refuses us: %s", self._broker.host, self._broker.port, reason)
            return
        self._greeted = False
        if self._wake is not None:
            self._wake.set()

    def _on_disconnect(
        self, _client: Client, _data: Any, _flags: DisconnectFlags, reason: ReasonCode, _properties: Properties | None
    ) -> None:
        self._greeted = False
        log.warning("mqtt: not connected to %s:%d: %s", self._broker.host, self._broker.port, reason)
