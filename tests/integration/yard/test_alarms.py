"""Alarms leave by MQTT and webhooks until they arrive, through brokers and receivers that break."""

import base64
import hashlib
import hmac
import json
import socket
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import TypeAdapter, ValidationError
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from loadlens.serving.alarms.alarms import acknowledge, is_open, raise_alarm
from loadlens.serving.alarms.channels import open_outbox
from loadlens.serving.alarms.mqtt import MqttChannel
from loadlens.serving.alarms.outbox import wait_s
from loadlens.serving.alarms.settings import MqttSettings, WebhookSettings
from loadlens.serving.store.alarm_tables import Alarm, Outgoing
from loadlens.serving.store.database import writing
from loadlens.serving.store.tables import JournalRecord

KEY = bytes(range(32))
SECRET = "whsec_" + base64.b64encode(KEY).decode()


def webhook(url, **more):
    return WebhookSettings(**{"name": "erp", "url": url, "secret": SECRET, "allow_private": True, **more})


@pytest.fixture
def send(engine):
    """Start an outbox over the database; it is stopped after the test."""
    running = []

    def start(mqtt=None, *webhooks):
        running.append(open_outbox(engine, mqtt, webhooks))
        running[-1].start()
        return running[-1]

    yield start
    for outbox in running:
        outbox.stop()


def mqtt(broker):
    return MqttSettings(host="127.0.0.1", port=broker.port, node="gate")


def raise_one(engine, subject="load:7", lane="3", **body):
    with Session(writing(engine)) as session, session.begin():
        return raise_alarm(session, "hazard", subject, {"class": "gas_cylinder", **body}, lane=lane).id


def raise_many(engine, numbers):
    for number in numbers:
        raise_one(engine, n=number)


def undelivered(engine):
    with Session(engine) as session:
        return session.scalars(select(Outgoing).where(Outgoing.delivered_at.is_(None))).all()


def heard_numbers(listener):
    alarms = [json.loads(text) for topic, text, _ in listener.heard if topic == "loadlens/lanes/3/alarms"]
    return {alarm["alarm"]["body"]["n"] for alarm in alarms}


def states(listener, lane="3"):
    return [json.loads(text) for topic, text, _ in listener.heard if topic == f"loadlens/lanes/{lane}/state"]


def test_an_alarm_is_one_with_its_cause(engine, send, receiver):
    """What is rolled back was never raised: no alarm, no journal record, no message."""
    send(None, webhook(receiver.url))
    with Session(writing(engine)) as session:
        raise_alarm(session, "hazard", "load:7", {}, lane="3")
        session.rollback()
    with Session(engine) as session:
        assert session.scalars(select(Alarm)).all() == []
        assert session.scalars(select(Outgoing)).all() == []
        assert session.scalars(select(JournalRecord).where(JournalRecord.kind == "alarm.raised")).all() == []


def test_an_alarm_reaches_the_broker_and_the_state_of_its_lane_is_kept_there(engine, send, broker, listen, wait_until):
    listener = listen()
    send(mqtt(broker))
    alarm = raise_one(engine, score=0.93)
    # A connection that opens late greets with a state that has the alarm in it already, before the alarm itself.
    wait_until(lambda: [topic for topic, *_ in listener.heard if topic.endswith("/alarms")], "the alarm was told")
    wait_until(lambda: any(state["open"] for state in states(listener)), "the state of the lane was told")
    topic, text, _ = next(heard for heard in listener.heard if heard[0].endswith("/alarms"))
    told = json.loads(text)
    assert topic == "loadlens/lanes/3/alarms"
    assert (told["schema"], told["type"], told["alarm"]["id"]) == ("loadlens.alarm/1", "alarm.raised", alarm)
    assert told["alarm"]["body"] == {"class": "gas_cylinder", "score": 0.93}
    assert [waiting["id"] for waiting in states(listener)[-1]["open"]] == [alarm]
    # Whoever comes later learns the state from the broker.
    late = listen("loadlens/lanes/+/state")
    wait_until(lambda: states(late), "the state was retained")
    assert states(late)[0]["state"] == "alarm"
    assert late.heard[0][2], "told as a retained message"


def test_what_was_noted_before_the_clock_was_set_back_does_not_wait_for_it(engine, send, receiver, wait_until):
    outbox = send(None, webhook(receiver.url))
    receiver.answer = 500
    raise_one(engine)
    wait_until(lambda: undelivered(engine) and undelivered(engine)[0].trouble, "it was tried in vain")
    outbox.stop()
    receiver.answer = 204
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat(timespec="milliseconds")
    with Session(writing(engine)) as session, session.begin():
        session.execute(update(Outgoing).values(next_try_at=tomorrow))
    send(None, webhook(receiver.url))
    wait_until(lambda: not undelivered(engine), "it arrived")


def test_a_state_that_has_changed_while_it_was_told_is_told_anew(broker, listen, wait_until):
    """As where another server of the site was quicker: what is retained last must hold."""
    listener = listen()
    read = []

    def lane_states(_lane):
        read.append("ok" if not read else "alarm")
        return {"3": json.dumps({"state": read[-1]})}

    channel = MqttChannel(mqtt(broker), lane_states)
    channel.start(threading.Event())
    wait_until(channel.ready, "the broker was greeted")
    wait_until(lambda: len(states(listener)) == 2, "both were told")
    assert [state["state"] for state in states(listener)] == ["ok", "alarm"]
    channel.stop()


def test_an_acknowledgement_by_a_person_goes_out_and_frees_the_lane(engine, send, broker, listen, wait_until):
    listener = listen()
    send(mqtt(broker))
    alarm = raise_one(engine)
    with Session(writing(engine)) as session, session.begin():
        taken, is_new = acknowledge(session, alarm, person="ann", actor="user:ann", note="cylinder set aside")
        assert (taken.person, is_new) == ("ann", True)
    with Session(writing(engine)) as session, session.begin():
        taken, is_new = acknowledge(session, alarm, person="bob", actor="user:bob", note="me too")
        assert (taken.person, is_new) == ("ann", False)
        assert not is_open(session, "hazard", "load:7")

    def told():
        return [json.loads(text) for topic, text, _ in listener.heard if topic == "loadlens/lanes/3/alarms"]

    wait_until(lambda: [message for message in told() if message["type"] == "alarm.acknowledged"], "all is told")
    wait_until(lambda: [s for s in states(listener) if s["state"] == "ok"], "the lane is free")
    assert [message["type"] for message in told()] == ["alarm.raised", "alarm.acknowledged"]
    assert told()[-1]["alarm"]["acknowledged"]["by"] == "ann"
    with Session(engine) as session:
        kinds = session.scalars(select(JournalRecord.kind).where(JournalRecord.subject == "load:7")).all()
    assert kinds == ["alarm.raised", "alarm.acknowledged"]


def test_alarms_cannot_be_changed_or_taken_back(engine):
    alarm = raise_one(engine)
    with pytest.raises(IntegrityError), Session(writing(engine)) as session, session.begin():
        session.get_one(Alarm, alarm).kind = "nothing"
    with pytest.raises(IntegrityError), Session(writing(engine)) as session, session.begin():
        session.delete(session.get_one(Alarm, alarm))


def test_a_broker_that_goes_and_comes_back_gets_every_alarm(engine, send, broker, listen, wait_until):
    listener = listen()
    send(mqtt(broker))
    raise_many(engine, range(5))
    wait_until(lambda: heard_numbers(listener) == set(range(5)), "five alarms before")
    broker.stop()
    raise_many(engine, range(5, 25))
    assert undelivered(engine)
    broker.start()
    raise_many(engine, range(25, 30))
    wait_until(lambda: heard_numbers(listener) == set(range(30)), "all thirty")
    wait_until(lambda: not undelivered(engine), "nothing is left in the outbox")
    assert states(listener)[-1]["state"] == "alarm"


def test_what_a_dead_server_had_not_sent_is_sent_by_the_next(engine, send, broker, listen, wait_until):
    """Raised with channels, but no courier was running: as after a kill between commit and delivery."""
    open_outbox(engine, mqtt(broker), ())
    raise_many(engine, range(3))
    listener = listen()
    send(mqtt(broker))
    wait_until(lambda: heard_numbers(listener) == {0, 1, 2}, "the alarms of the run before")


def test_the_broker_says_when_a_server_is_gone(engine, broker, listen, wait_until):
    listener = listen("loadlens/servers/#")
    outbox = open_outbox(engine, mqtt(broker), ())
    outbox.start()
    wait_until(lambda: listener.heard, "the server is online")
    outbox.stop()
    wait_until(lambda: len(listener.heard) > 1, "the server is gone")
    assert [(topic, text) for topic, text, _ in listener.heard] == [
        ("loadlens/servers/gate", "online"),
        ("loadlens/servers/gate", "offline"),
    ]


def test_a_webhook_is_signed_as_standard_webhooks_says(engine, send, receiver, wait_until):
    send(None, webhook(receiver.url))
    alarm = raise_one(engine)
    wait_until(lambda: receiver.posts, "the alarm was posted")
    headers, body = receiver.posts[0]
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    digest = base64.b64encode(hmac.new(KEY, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{digest}"
    assert abs(int(headers["webhook-timestamp"]) - time.time()) < 300
    told = json.loads(body)
    assert (told["alarm"]["id"], told["message"]) == (alarm, headers["webhook-id"])
    assert headers["host"] == f"127.0.0.1:{receiver.port}"


@pytest.mark.parametrize("answer", [301, 307, 400, 404, 410, 500, 503])
def test_only_success_counts_as_delivered(engine, send, receiver, wait_until, answer):
    receiver.answer = answer
    receiver.location = f"http://127.0.0.1:{receiver.port}/elsewhere"
    send(None, webhook(receiver.url))
    raise_one(engine)
    wait_until(lambda: any(waiting.trouble for waiting in undelivered(engine)), "the try was noted")
    assert undelivered(engine)[0].trouble == f"answered {answer}"
    receiver.answer, receiver.location = 200, None
    wait_until(lambda: not undelivered(engine), "delivered once the receiver is well")
    tries = {headers["webhook-id"] for headers, _ in receiver.posts}
    assert len(tries) == 1, "the id stays, so that a receiver knows a second try"


def test_a_receiver_that_hangs_holds_up_no_other(engine, send, receiver, wait_until):
    with socket.create_server(("127.0.0.1", 0)) as hangs:  # takes connections and never answers
        send(None, webhook(f"http://127.0.0.1:{hangs.getsockname()[1]}/", name="hangs"), webhook(receiver.url))
        raise_many(engine, range(10))
        wait_until(
            lambda: {waiting.channel for waiting in undelivered(engine)} == {"webhook:hangs"},
            "all by the other webhook",
        )
        assert len(receiver.posts) == 10


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "[::1]", "10.0.0.8", "169.254.169.254", "localhost", "[::ffff:10.0.0.8]"]
)
def test_an_address_inside_the_site_is_not_used_unless_the_settings_say_so(engine, send, receiver, wait_until, host):
    send(None, webhook(f"http://{host}:{receiver.port}/", allow_private=False))
    raise_one(engine)
    wait_until(lambda: any(waiting.trouble for waiting in undelivered(engine)), "the try was noted")
    assert "inside the site; set allow_private" in undelivered(engine)[0].trouble
    assert receiver.posts == []


@pytest.mark.parametrize("url", ["ftp://yard.example/", "file:///etc/passwd", "yard.example", "gopher://x/"])
def test_only_web_addresses_can_be_set(url):
    with pytest.raises(ValidationError):
        webhook(url)


@pytest.mark.parametrize("secret", ["", "short", "whsec_", "whsec_AAAA", base64.b64encode(KEY).decode(), "whsec_!" * 9])
def test_a_weak_or_malformed_secret_is_refused(secret):
    with pytest.raises(ValidationError, match="whsec_ and the base64 of 24 bytes"):
        TypeAdapter(WebhookSettings).validate_python({"name": "erp", "url": "https://a.example/", "secret": secret})


def test_secrets_are_not_shown():
    shown = str((webhook("https://erp.example/"), MqttSettings(host="b", username="u", password="hush-hush")))
    assert SECRET not in shown
    assert "hush-hush" not in shown


def test_the_wait_between_tries_grows_to_an_hour_and_is_never_the_same_for_all():
    waits = [wait_s(tries) for tries in range(1, 400)]
    assert 1 <= waits[0] <= 2
    assert all(1800 <= wait <= 3600 for wait in waits[12:])
    assert len(set(waits)) == len(waits)


@pytest.mark.parametrize("level", ["info", "debug"])
def test_the_address_of_a_webhook_is_in_no_log(serve, receiver, wait_until, level):
    """Its path or query may be all that a receiver knows its senders by."""
    hook = {"name": "chat", "url": f"{receiver.url}?token=kept-quiet", "secret": SECRET, "allow_private": True}
    server = serve(webhooks=json.dumps([hook]), log_format="json", log_level=level)
    server.http.put("/v1/lanes/1", json={})
    assert server.http.post("/v1/loads", json={"id": "a", "lane": "1"}).status_code == 201
    lost = {"state": "lost", "since": datetime.now(UTC).isoformat()}
    assert server.http.put("/v1/lanes/1/cameras/mast/health", json=lost).status_code == 200
    wait_until(lambda: receiver.posts, "the alarm")
    server.stop()
    told = [json.dumps(line) for line in server.logged()]
    assert [line for line in told if "kept-quiet" in line or "hooks" in line] == []
