"""A camera that speaks RTSP: GStreamer's server, run by the system's Python, which has its bindings.

    /usr/bin/python3 rtsp_camera.py PORT FRAMES WIDTH HEIGHT FPS

FRAMES holds raw I420 pictures one after the other; they are shown over and over at FPS, encoded as H.264 while anybody
looks. A line on stdin changes what is shown: `freeze` (the same picture, encoded anew), `black`, `go`. Says `ready`.
"""

import sys
import threading
import time
from pathlib import Path

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402

port, frames, width, height, fps = sys.argv[1], sys.argv[2], *map(int, sys.argv[3:6])
SIZE = width * height * 3 // 2
pictures = Path(frames).read_bytes()
COUNT = len(pictures) // SIZE
BLACK = b"\x10" * (width * height) + b"\x80" * (SIZE - width * height)
showing = {"mode": "go", "frozen": b"", "began": time.monotonic()}


def picture() -> bytes:
    """What the camera sees now; time goes on while it is frozen and while nobody looks."""
    number = int((time.monotonic() - showing["began"]) * fps) % COUNT
    if showing["mode"] == "black":
        return BLACK
    if showing["mode"] == "freeze" and showing["frozen"]:
        return showing["frozen"]
    showing["frozen"] = pictures[number * SIZE : (number + 1) * SIZE]
    return showing["frozen"]


def fill(source: Gst.Element, _length: int) -> None:
    """Hand the next picture to the encoder when it is due."""
    number = source.number
    time.sleep(max(0.0, source.began + number / fps - time.monotonic()))
    buffer = Gst.Buffer.new_wrapped(picture())
    buffer.duration = Gst.SECOND // fps
    buffer.pts = number * Gst.SECOND // fps
    source.number = number + 1
    source.emit("push-buffer", buffer)


def configure(_factory: GstRtspServer.RTSPMediaFactory, media: GstRtspServer.RTSPMedia) -> None:
    source = media.get_element().get_child_by_name("source")
    source.number, source.began = 0, time.monotonic()
    source.connect("need-data", fill)


def obey() -> None:
    for line in sys.stdin:
        showing["mode"] = line.strip()


Gst.init(None)
server = GstRtspServer.RTSPServer()
server.set_address("127.0.0.1")
server.set_service(port)
factory = GstRtspServer.RTSPMediaFactory()
factory.set_launch(
    f"appsrc name=source is-live=true format=time caps=video/x-raw,format=I420,width={width},height={height},"
    f"framerate={fps}/1 ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max={2 * fps} pass=qual quantizer=23 "
    "! rtph264pay name=pay0 pt=96 config-interval=1"
)
factory.set_shared(True)
factory.connect("media-configure", configure)
server.get_mount_points().add_factory("/yard", factory)
server.attach(None)
threading.Thread(target=obey, daemon=True).start()
print("ready", flush=True)
GLib.MainLoop().run()
