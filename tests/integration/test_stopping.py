"""A server that is asked to end keeps its promises first, and turns frames away instead of falling over."""

import signal
import socket
import threading
import time
from contextlib import contextmanager


def head(server, shot, length):
    """The head of a PUT of a frame, and the address to send it to."""
    host, port = server.address.removeprefix("http://").split(":")
    lines = (
        f"PUT /v1/loads/{server.load}/frames/yard/{shot.seq} HTTP/1.1",
        "Host: yard",
        f"Authorization: Bearer {server.key}",
        f"Captured-At: {shot.captured_at}",
        f"Content-Length: {length}",
        "Expect: 100-continue",
    )
    return (host, int(port)), ("\r\n".join(lines) + "\r\n\r\n").encode()


@contextmanager
def half_sent(server, shot):
    """A camera in the middle of sending a frame: gives the connection and what is left to send."""
    address, first = head(server, shot, len(shot.jpeg))
    with socket.create_connection(address, timeout=120) as line:
        line.sendall(first)
        assert line.recv(4096).startswith(b"HTTP/1.1 100 ")  # the server has begun to read
        line.sendall(shot.jpeg[:1000])
        yield line, shot.jpeg[1000:]


def wait_for(happened):
    end = time.monotonic() + 120
    while not happened():
        assert time.monotonic() < end
        time.sleep(0.05)


def refuses_connections(server):
    host, port = server.address.removeprefix("http://").split(":")
    try:
        socket.create_connection((host, int(port)), timeout=10).close()
    except OSError:
        return True
    return False


def test_a_stop_answers_what_is_in_hand_and_loses_nothing(serve, shots):
    server = serve()
    place = server.open_load()
    server.put(shots[0])
    with half_sent(server, shots[1]) as (line, rest):
        server.process.send_signal(signal.SIGTERM)
        wait_for(lambda: refuses_connections(server))
        assert server.process.poll() is None
        line.sendall(rest)
        assert b" 201 " in line.recv(4096)
    assert server.process.wait(timeout=120) == 0
    server.stop()
    server.start()
    assert server.http.get(place).json()["frames"]["stored"] == 2
    assert server.put(shots[1]).status_code == 200


def test_a_stop_does_not_wait_for_a_grade_but_says_where_it_will_be(serve, shots):
    server = serve()
    place = server.open_load()
    for shot in shots:
        server.put(shot)
    answers = []
    waiting = threading.Thread(target=lambda: answers.append(server.close()))
    waiting.start()
    wait_for(lambda: server.http.get(place).json()["status"] != "open")
    server.process.send_signal(signal.SIGTERM)
    waiting.join()
    assert server.process.wait(timeout=120) == 0
    assert answers[0].status_code in (200, 202)
    server.stop()
    server.start()
    wait_for(lambda: server.http.get(f"{place}/assessment").status_code == 200)


def test_a_second_signal_drops_what_is_in_hand(serve, shots):
    server = serve(stop_within_s=100_000)
    server.open_load()
    with half_sent(server, shots[0]):
        server.process.send_signal(signal.SIGTERM)
        wait_for(lambda: refuses_connections(server))
        assert server.process.poll() is None
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(timeout=120) == 0


def test_a_camera_that_hangs_does_not_keep_the_server_from_ending(serve, shots):
    server = serve(stop_within_s=1)
    server.open_load()
    with half_sent(server, shots[0]):
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(timeout=120) == 0


def test_a_frame_beyond_those_in_flight_is_told_to_wait(serve, shots):
    server = serve(max_frames_in_flight=1, body_within_s=100_000)
    server.open_load()
    with half_sent(server, shots[0]) as (line, rest):
        refused = server.put(shots[1])
        assert refused.status_code == 503
        assert int(refused.headers["Retry-After"]) > 0
        assert refused.json()["status"] == 503
        line.sendall(rest)
        assert b" 201 " in line.recv(4096)
    assert server.put(shots[1]).status_code == 201
    assert 'loadlens_frames_refused_total{reason="busy"} 1.0' in server.http.get("/metrics").text


def test_a_frame_that_never_comes_does_not_hold_its_place(serve, shots):
    server = serve(max_frames_in_flight=1, body_within_s=1)
    server.open_load()
    with half_sent(server, shots[0]) as (line, _):
        assert b" 408 " in line.recv(4096)
    assert server.put(shots[0]).status_code == 201
    assert 'loadlens_frames_refused_total{reason="too slow"} 1.0' in server.http.get("/metrics").text


def test_a_disk_that_is_nearly_full_takes_no_frame_but_answers(serve, shots):
    server = serve()
    server.open_load()
    assert server.put(shots[0]).status_code == 201
    server.stop()
    server.environment["LOADLENS_MIN_FREE_BYTES"] = str(2**60)
    server.start(ready=503)
    refused = server.put(shots[1])
    assert refused.status_code == 507
    assert int(refused.headers["Retry-After"]) > 0
    assert "free on the disk" in refused.json()["detail"]
    assert "free on the disk" in server.http.get("/readyz").json()["detail"]
    assert server.http.get("/v1/loads").status_code == 200
