"""The figures that tell whether a server does its work, for Prometheus at /metrics.

Whoever does the work counts it here: `metrics.frames_received.inc()`. What lies in the database or on the disk is
not counted but read when somebody asks (`api/figures.py`), so it is right after a restart and with several servers.
"""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_registry = CollectorRegistry()

frames_received = Counter("loadlens_frames_received", "Frames stored for the first time.", registry=_registry)
frames_known = Counter("loadlens_frames_known", "Frames sent again that were stored already.", registry=_registry)
# Reasons are a fixed few words, never text of the sender: each new word is a new series for ever.
frames_refused = Counter("loadlens_frames_refused", "Frames not stored.", ["reason"], registry=_registry)
frames_spooled = Gauge(
    "loadlens_frames_spooled",
    "Frames that wait in the spool of a camera agent, as it last reported.",
    ["lane", "camera"],
    registry=_registry,
)
frames_ungraded = Gauge("loadlens_frames_ungraded", "Stored frames that nobody has looked at yet.", registry=_registry)
oldest_ungraded_s = Gauge(
    "loadlens_oldest_ungraded_frame_age_seconds",
    "How long the oldest stored frame has waited to be looked at; 0 where none waits.",
    registry=_registry,
)
model_seconds = Histogram(
    "loadlens_model_seconds",
    "How long the model takes for one picture.",
    buckets=(0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5),
    registry=_registry,
)
layers = Counter("loadlens_layers", "Layers of graded loads.", registry=_registry)
# The class comes from the model's own list.
hazards = Counter("loadlens_hazards", "Hazards raised for the first time.", ["class_id"], registry=_registry)
review_queue = Gauge("loadlens_review_queue", "Loads that wait for an inspector.", registry=_registry)
disk_left_bytes = Gauge("loadlens_disk_left_bytes", "Free space where the data lies.", registry=_registry)
journal_head = Gauge("loadlens_journal_head", "Number of the newest record of the journal.", registry=_registry)

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def text() -> bytes:
    """All figures in the text format of Prometheus."""
    return generate_latest(_registry)
