"""From a frame to the alarm: a real server, a real broker, and kills in between."""

import json

import pytest


def settings(broker):
    return json.dumps({"host": "127.0.0.1", "port": broker.port, "node": "gate"})


def hazards_heard(listener):
    messages = [json.loads(text) for topic, text, _ in listener.heard if topic.endswith("/alarms")]
    return [message["alarm"] for message in messages if message["alarm"]["kind"] == "hazard"]


def ids_heard(listener):
    """Which alarms were heard: once each, where a broker that came back was told twice."""
    return {alarm["id"] for alarm in hazards_heard(listener)}


def hazards_kept(server):
    """How many alarms the server knows."""
    return len([alarm for alarm in server.http.get("/v1/alarms").json()["alarms"] if alarm["kind"] == "hazard"])


def test_a_hazard_leaves_while_the_load_is_still_open(serve, shots, broker, listen, wait_until):
    listener = listen()
    server = serve(mqtt=settings(broker))
    place = server.open_load()
    for shot in shots:
        server.put(shot)
    wait_until(lambda: hazards_heard(listener), "the hazard was published")
    alarm = hazards_heard(listener)[0]
    assert server.http.get(place).json()["closed_at"] is None
    assert alarm["subject"] == f"load:{server.load}"
    assert alarm["body"]["class"] == "gas_cylinder"
    assert alarm["body"]["frame_s"] >= 5


@pytest.mark.long
def test_no_alarm_is_lost_or_raised_twice_when_server_and_broker_are_killed(serve, shots, broker, listen, wait_until):
    listener = listen()
    server = serve(mqtt=settings(broker))
    broker.stop()
    place = server.open_load()
    for shot in shots:
        server.put(shot)
    wait_until(lambda: hazards_kept(server), "a hazard is kept")
    server.kill_and_restart()
    # Watched again from the first frame: the same hazards, which are known.
    wait_until(lambda: server.http.get(place).json()["frames"]["watched"] == len(shots), "all is watched again")
    broker.start()
    wait_until(lambda: len(ids_heard(listener)) == hazards_kept(server), "every hazard was published")
    kept = hazards_kept(server)
    server.kill_and_restart()
    wait_until(lambda: server.http.get(place).json()["frames"]["watched"] == len(shots), "all is watched a third time")
    assert hazards_kept(server) == kept
    assert len(ids_heard(listener)) == kept, "as many alarms as hazards"
