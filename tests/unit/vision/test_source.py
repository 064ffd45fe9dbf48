"""Frames come at the right times from files, folders and streams; what is cut, odd or hostile is told or refused."""

import io
import itertools
import socket
import struct
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

from loadlens.vision.frame import Frame, SourceError
from loadlens.vision.source import read_frames

SIZE = (160, 120)
TENTHS = [pytest.approx(tenth / 10) for tenth in range(0, 20, 2)]


def pictures(count: int, size: tuple[int, int] = SIZE) -> Iterator[np.ndarray]:
    """A white square that moves over a grey texture."""
    ground = np.random.default_rng(3).integers(60, 120, (size[1], size[0], 3), dtype=np.uint8)
    for number in range(count):
        picture = ground.copy()
        picture[20:60, 2 * number : 2 * number + 40] = 255
        yield picture


def write_video(
    path: Path,
    *,
    count: int = 50,
    size: tuple[int, int] = SIZE,
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    keyframe_every: int = 250,
    pts_ms: Sequence[int] = (),
    shown: Sequence[np.ndarray] | None = None,
    **options: str,
) -> Path:
    """A video of 25 frames a second, or at the given milliseconds."""
    with av.open(str(path), "w", options=options) as container:
        stream = container.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = *size, pix_fmt
        stream.codec_context.gop_size = keyframe_every
        if pts_ms:
            stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
        for number, picture in enumerate(shown or pictures(count, size)):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            if pts_ms:
                frame.pts, frame.time_base = pts_ms[number], Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def times(frames: Sequence[Frame]) -> list[float]:
    return [frame.time_s for frame in frames]


# --- video files


@pytest.mark.parametrize("name", ["a.mp4", "a.mov", "a.mkv", "a.ts", "a.avi"])
def test_a_video_gives_its_frames_at_their_times(tmp_path: Path, name: str) -> None:
    path = write_video(tmp_path / name)
    reader = read_frames(str(path), camera="lane-1")
    frames = list(reader)
    assert times(frames) == TENTHS
    assert reader.doubts == ()
    assert {(frame.width, frame.height, frame.camera) for frame in frames} == {(160, 120, "lane-1")}


def test_every_frame_is_given_where_the_spacing_asks_for_it(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4")
    assert times(list(read_frames(path, every_s=0.0))) == [pytest.approx(number / 25) for number in range(50)]


@pytest.mark.parametrize(
    ("codec", "pix_fmt"),
    [("libx264", "yuv420p"), ("libx264", "yuv422p"), ("libx265", "yuv420p10le"), ("mjpeg", "yuvj420p")],
)
def test_frames_stay_right_after_the_reader_has_moved_on(tmp_path: Path, codec: str, pix_fmt: str) -> None:
    path = write_video(tmp_path / "a.mkv", codec=codec, pix_fmt=pix_fmt)
    frames = list(read_frames(path))
    wanted = list(pictures(50))[::5]
    for frame, picture in zip(frames, wanted, strict=True):
        assert np.abs(frame.rgb().astype(int) - picture).mean() < 25
        assert frame.rgb(2).shape == (60, 80, 3)
        assert frame.rgb(4).shape == (30, 40, 3)
        luma = frame.luma(80)
        assert luma.shape == (60, 80)
        assert np.abs(luma.astype(int) - Frame.from_rgb(picture, time_s=0.0).luma(80)).mean() < 6
    assert len({frame.sha256 for frame in frames}) == len(frames)


def test_black_and_white_have_the_same_grey_levels_as_in_a_picture(tmp_path: Path) -> None:
    for level in (0, 255):
        shown = [np.full((120, 160, 3), level, np.uint8)] * 5
        frame = next(iter(read_frames(write_video(tmp_path / f"{level}.mp4", shown=shown))))
        assert abs(frame.luma(80).mean() - level) < 2


def test_two_readings_give_the_same_digests(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4")
    assert [f.sha256 for f in read_frames(path)] == [f.sha256 for f in read_frames(path)]


def test_a_variable_frame_rate_keeps_its_times(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mkv", pts_ms=[0, 40, 90, 130, 400, 900, 905, 910, 1000, 1500], count=10)
    assert times(list(read_frames(path))) == [pytest.approx(second) for second in (0.0, 0.4, 0.9, 1.5)]


def test_a_clock_that_jumps_back_is_told_and_time_goes_on(tmp_path: Path) -> None:
    once = write_video(tmp_path / "once.ts").read_bytes()
    twice = tmp_path / "twice.ts"
    twice.write_bytes(once + once)
    reader = read_frames(twice)
    seen = times(list(reader))
    assert len(seen) == 20
    assert np.all(np.diff(seen) > 0.15)
    assert seen[-1] == pytest.approx(3.8, abs=0.1)
    assert "clock_jump" in [doubt.code for doubt in reader.doubts]


def turned(path: Path, quarter_turns_right: int) -> Path:
    """Write the rotation that a telephone writes into an mp4: the matrix of its track header."""
    cos, sin = {0: (1, 0), 1: (0, 1), 2: (-1, 0), 3: (0, -1)}[quarter_turns_right]
    body = bytearray(path.read_bytes())
    matrix = struct.pack(">9i", cos << 16, sin << 16, 0, -sin << 16, cos << 16, 0, 0, 0, 1 << 30)
    at = body.index(b"tkhd") + 4 + 40
    body[at : at + 36] = matrix
    path.write_bytes(body)
    return path


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_the_rotation_of_a_video_is_applied(tmp_path: Path, turns: int) -> None:
    upright = np.full((120, 160, 3), 60, np.uint8)
    upright[:40, :60] = (250, 40, 40)
    stored = np.ascontiguousarray(np.rot90(upright, turns))
    path = write_video(tmp_path / "a.mp4", shown=[stored] * 10, size=stored.shape[1::-1])
    frame = next(iter(read_frames(turned(path, turns))))
    assert (frame.width, frame.height) == (160, 120)
    assert np.abs(frame.rgb().astype(int) - upright).mean() < 12
    assert frame.rgb(2).shape == (60, 80, 3)
    assert np.abs(frame.luma(160).astype(int) - Frame.from_rgb(upright, time_s=0.0).luma(160)).mean() < 12


# --- video files that are cut or damaged


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.ts", {}),
        ("a.mkv", {}),
        ("a.mp4", {"movflags": "frag_keyframe+empty_moov"}),
        ("b.mp4", {"movflags": "faststart"}),
    ],
)
def test_of_a_cut_video_the_rest_is_given_and_the_cut_is_told(
    tmp_path: Path, name: str, options: dict[str, str]
) -> None:
    path = write_video(tmp_path / name, count=100, keyframe_every=10, **options)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) * 5 // 10 + 31])
    reader = read_frames(path)
    seen = times(list(reader))
    assert 3 <= len(seen) <= 17
    (doubt,) = reader.doubts
    assert doubt.code == "source_cut"
    assert " s" in doubt.why and "decode errors" in doubt.why


@pytest.mark.parametrize("name", ["a.ts", "a.mkv", "a.mp4"])
def test_frames_spoiled_by_damage_are_left_out_until_the_next_whole_picture(tmp_path: Path, name: str) -> None:
    path = write_video(tmp_path / name, count=100, keyframe_every=25)
    sound = {round(f.time_s, 2): f.luma(80) for f in read_frames(path, every_s=0.0)}
    body = bytearray(path.read_bytes())
    middle = len(body) * 4 // 10
    for at in range(middle, middle + 700):
        body[at] ^= 0x5A
    path.write_bytes(body)
    reader = read_frames(path, every_s=0.0)
    frames = list(reader)
    assert 20 < len(frames) < 100
    assert frames[-1].time_s > 3.5
    for frame in frames:
        assert np.abs(frame.luma(80).astype(int) - sound[round(frame.time_s, 2)]).max() <= 2
    assert [doubt.code for doubt in reader.doubts] == ["source_cut"]


def test_an_mp4_whose_end_is_missing_is_refused(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4")
    path.write_bytes(path.read_bytes()[:-3000])
    with pytest.raises(SourceError, match=r"a\.mp4: not a video that can be read.*complete mp4"):
        list(read_frames(path))


def test_a_video_of_which_nothing_decodes_is_refused(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.avi", codec="mjpeg", pix_fmt="yuvj420p", count=5)
    body = bytearray(path.read_bytes())
    start = body.index(b"\xff\xd8")
    body[start : body.index(b"idx1")] = bytes(body.index(b"idx1") - start)
    path.write_bytes(body)
    with pytest.raises(SourceError, match="not one frame"):
        list(read_frames(path))


# --- files that are no video


def audio_only(path: Path) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def file_with(path: Path, body: bytes) -> Path:
    path.write_bytes(body)
    return path


def png(size: tuple[int, int] = SIZE, level: int = 90) -> bytes:
    body = io.BytesIO()
    Image.new("RGB", size, (level, level, level)).save(body, "PNG")
    return body.getvalue()


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda folder: folder / "absent.mp4", "no such file"),
        (lambda folder: file_with(folder / "a.mp4", b""), "empty"),
        (lambda folder: file_with(folder / "a.mp4", b"no video at all\n" * 999), "not a video"),
        (lambda folder: file_with(folder / "a.mp4", np.random.default_rng(1).bytes(50_000)), "not a video"),
        (lambda folder: file_with(folder / "a.png", png()), "not a video"),
        (lambda folder: audio_only(folder / "a.m4a"), "holds no video"),
        (lambda folder: write_video(folder / "a.mp4", size=(64, 48), count=3), "too small"),
    ],
    ids=["missing", "empty", "text", "noise", "picture", "audio", "tiny"],
)
def test_a_file_that_is_no_video_is_refused_by_name(tmp_path: Path, make: Any, why: str) -> None:
    path = make(tmp_path)
    with pytest.raises(SourceError, match=why) as refusal:
        list(read_frames(path))
    assert str(refusal.value).startswith(str(path))
    assert "\n" not in str(refusal.value)


def test_an_absurdly_wide_video_is_refused(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.avi", codec="mjpeg", pix_fmt="yuvj420p", count=1, size=(17_000, 64))
    with pytest.raises(SourceError, match="17000 x 64 pixels is too large"):
        list(read_frames(path))


@pytest.mark.parametrize(
    "script",
    [
        "#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\nreal.ts\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile real.ts\n",
    ],
    ids=["playlist", "concatenation"],
)
def test_a_file_cannot_make_the_reader_open_another(tmp_path: Path, script: str) -> None:
    write_video(tmp_path / "real.ts")
    with pytest.raises(SourceError, match="not a video"):
        list(read_frames(file_with(tmp_path / "a.mp4", script.encode())))


# --- folders


def jpeg(picture: np.ndarray) -> bytes:
    body = io.BytesIO()
    Image.fromarray(picture).save(body, "JPEG")
    return body.getvalue()


def fill(folder: Path, names: Sequence[str]) -> None:
    for name, picture in zip(names, pictures(len(names)), strict=True):
        (folder / name).write_bytes(jpeg(picture))


def test_a_folder_is_read_in_natural_order(tmp_path: Path) -> None:
    fill(tmp_path, ["frame10.jpg", "frame2.JPG", "frame1.jpg"])
    (tmp_path / "labels.csv").write_text("no picture")
    (tmp_path / ".frame0.jpg").write_text("left by a file manager")
    frames = list(read_frames(tmp_path, every_s=0.5))
    assert times(frames) == [0.0, 0.5, 1.0]
    lit = [int(np.argmax(frame.luma(160)[40] > 200)) for frame in frames]
    assert lit == sorted(lit, reverse=True)


def test_names_that_hold_times_give_the_times(tmp_path: Path) -> None:
    fill(tmp_path, ["a_2021-03-16_08-38-38_x.jpg", "b_2021-03-16_08-38-02_x.jpg", "c_2021-03-16_08-39-58_x.jpg"])
    assert times(list(read_frames(tmp_path))) == [0.0, 36.0, 116.0]


def test_one_name_without_a_time_makes_positions_count_and_is_told(tmp_path: Path) -> None:
    fill(tmp_path, ["2021-03-16_08-38-02.jpg", "2021-03-16_08-38-38.jpg", "2021-13-99_08-39-58.jpg"])
    reader = read_frames(tmp_path)
    assert times(list(reader)) == [0.0, 0.2, 0.4]
    assert [doubt.code for doubt in reader.doubts] == ["times_assumed"]
    assert "1 of 3 names hold no time (2021-13-99_08-39-58.jpg)" in reader.doubts[0].why


def test_a_refused_picture_is_told_and_the_rest_goes_on(tmp_path: Path) -> None:
    fill(tmp_path, ["1.jpg", "2.jpg", "3.jpg", "4.jpg", "5.jpg"])
    (tmp_path / "2.jpg").write_bytes((tmp_path / "2.jpg").read_bytes()[:900])
    (tmp_path / "4.jpg").write_bytes(png((320, 240)))
    reader = read_frames(tmp_path)
    assert times(list(reader)) == [0.0, pytest.approx(0.4), pytest.approx(0.8)]
    (doubt,) = reader.doubts
    assert doubt.code == "frame_refused"
    assert "2.jpg" in doubt.why and "(2 of 5 pictures)" in doubt.why
    assert len(list(reader)) == 3  # a reader can be read again


@pytest.mark.parametrize("names", [[], ["notes.txt"]])
def test_a_folder_without_pictures_is_refused(tmp_path: Path, names: list[str]) -> None:
    for name in names:
        (tmp_path / name).write_text("text")
    with pytest.raises(SourceError, match="holds no picture"):
        list(read_frames(tmp_path))


def test_a_folder_of_which_nothing_can_be_read_is_refused(tmp_path: Path) -> None:
    for name in ("a.jpg", "b.gif"):
        (tmp_path / name).write_text("text")
    with pytest.raises(SourceError, match=r"none of its 2 pictures.*a\.jpg"):
        list(read_frames(tmp_path))


@pytest.mark.photos
def test_the_crane_frames_are_a_folder_with_times(photos: Path) -> None:
    reader = read_frames(photos / "unloading_frames")
    seen = times(list(reader))
    assert len(seen) == 35 and reader.doubts == ()
    assert seen == sorted(seen) and seen[0] == 0.0 and seen[-1] == 21_310.0


# --- streams


@contextmanager
def serving(parts: Iterable[bytes], content_type: str) -> Iterator[str]:
    """A local HTTP server that answers every request with these parts."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", content_type)
            self.end_headers()
            try:
                for part in parts:
                    self.wfile.write(part)
            except ConnectionError:
                return

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://admin:secret@127.0.0.1:{server.server_port}/stream"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_video_is_read_over_http(tmp_path: Path) -> None:
    body = write_video(tmp_path / "a.ts").read_bytes()
    with serving([body], "video/mp2t") as url:
        assert times(list(read_frames(url))) == TENTHS


def test_motion_jpeg_pushed_over_http_is_read_with_times_of_arrival() -> None:
    parts = []
    for picture in pictures(12):
        body = jpeg(picture)
        parts.append(b"--edge\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%b\r\n" % (len(body), body))
    with serving(parts, "multipart/x-mixed-replace; boundary=edge") as url:
        frames = list(read_frames(url, every_s=0.0))
    assert len(frames) == 12
    assert times(frames) == sorted(times(frames)) and frames[0].time_s == 0.0
    wanted = np.stack(list(pictures(12))).astype(int)
    assert np.abs(np.stack([frame.rgb() for frame in frames]) - wanted).mean() < 25


def test_a_stream_without_an_end_is_read_until_it_is_said_to_have_ended() -> None:
    def parts() -> Iterator[bytes]:
        for picture in itertools.cycle(pictures(12)):
            body = jpeg(picture)
            yield b"--edge\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%b\r\n" % (len(body), body)

    asked = itertools.count()
    with serving(parts(), "multipart/x-mixed-replace; boundary=edge") as url:
        reader = read_frames(url, every_s=0.0, ended=lambda: next(asked) >= 5)
        frames = list(reader)
    assert 3 <= len(frames) <= 6
    assert reader.doubts == ()


def test_a_dead_address_is_an_error_that_keeps_the_password() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound but not listening: refused at once
        for scheme in ("http", "rtsp"):
            url = f"{scheme}://admin:secret@127.0.0.1:{taken.getsockname()[1]}/live"
            with pytest.raises(SourceError, match="check the address") as refusal:
                list(read_frames(url))
            assert "secret" not in str(refusal.value)
            assert "127.0.0.1" in str(refusal.value)


@pytest.mark.parametrize("scheme", ["rtsp", "http"])
def test_a_camera_that_accepts_and_never_answers_is_given_up(scheme: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"{scheme}://127.0.0.1:{silent.getsockname()[1]}/live"
        with pytest.raises(SourceError, match=r"no answer within 0\.5 s"):
            list(read_frames(url, timeout_s=0.5))


def test_a_stream_that_stops_is_cut(tmp_path: Path) -> None:
    """The camera sends two seconds and then keeps the connection open without a word."""
    body = write_video(tmp_path / "a.ts", keyframe_every=10).read_bytes()
    done = threading.Event()

    def answer(server: socket.socket) -> None:
        connection, _ = server.accept()
        with connection:
            connection.recv(4096)
            connection.sendall(b"HTTP/1.0 200 OK\r\nContent-Type: video/mp2t\r\n\r\n" + body)
            done.wait(60)

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=answer, args=(server,))
        thread.start()
        try:
            reader = read_frames(f"http://127.0.0.1:{server.getsockname()[1]}/live", timeout_s=1.0)
            frames = list(reader)
        finally:
            done.set()
            thread.join()
    assert len(frames) >= 5
    assert [doubt.code for doubt in reader.doubts] == ["source_cut"]


@pytest.mark.parametrize("url", ["ftp://camera/live", "file:///etc/passwd", "concat://a|b"])
def test_an_address_of_another_kind_is_refused(url: str) -> None:
    with pytest.raises(SourceError, match="not a stream that is read"):
        read_frames(url)


def test_a_file_served_as_a_playlist_cannot_read_local_files(tmp_path: Path) -> None:
    secret = write_video(tmp_path / "local.ts")
    playlist = f"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\nfile://{secret}\n#EXT-X-ENDLIST\n"
    with serving([playlist.encode()], "application/vnd.apple.mpegurl") as url, pytest.raises(SourceError):
        list(read_frames(url))
