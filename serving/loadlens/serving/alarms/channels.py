"""The ways out that the settings name, and what they tell of the lanes."""

from collections.abc import Sequence

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from loadlens.serving.alarms.alarms import described, open_alarms
from loadlens.serving.alarms.mqtt import MqttChannel
from loadlens.serving.alarms.outbox import Channel, Outbox
from loadlens.serving.alarms.settings import MqttSettings, WebhookSettings
from loadlens.serving.alarms.webhook import WebhookChannel
from loadlens.serving.canonical import canonical_json
from loadlens.serving.store.alarm_tables import Alarm


def open_outbox(engine: Engine, mqtt: MqttSettings | None, webhooks: Sequence[WebhookSettings]) -> Outbox:
    """The outbox of a database with the channels of the settings."""
    channels: list[Channel] = [WebhookChannel(webhook) for webhook in webhooks]
    if mqtt is not None:
        channels.append(MqttChannel(mqtt, lambda lane: lane_states(engine, lane)))
    return Outbox(engine, channels)


def lane_states(engine: Engine, lane: str | None) -> dict[str, str]:
    """By lane, whether an alarm waits for a person and which, as JSON; of one lane, or of every one that had any."""
    with Session(engine) as session:
        lanes = (
            session.scalars(select(Alarm.lane).where(Alarm.lane.is_not(None)).distinct()) if lane is None else [lane]
        )
        states = {}
        for known in lanes:
            waiting = [described(alarm, None) for alarm in session.scalars(open_alarms(known))]
            state = {"lane": known, "state": "alarm" if waiting else "ok", "open": waiting}
            states[str(known)] = canonical_json(state)
        return states
