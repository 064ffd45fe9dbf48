"""GET /metrics: the figures for Prometheus; those that lie in the database or on the disk are read when asked for."""

import json
import shutil
from typing import Any

from fastapi import APIRouter, Request, Response
from sqlalchemy import func, select

from loadlens.serving import metrics
from loadlens.serving.api.parts import Parts, parts_of
from loadlens.serving.api.problems import answers
from loadlens.serving.store.tables import CameraHealth, JournalHead, Load

router = APIRouter(tags=["running"])

_TEXT: dict[int | str, dict[str, Any]] = {200: {"content": {"text/plain": {}}}}


@router.get("/metrics", response_class=Response, responses=answers() | _TEXT)
def get_metrics(request: Request) -> Response:
    """The figures that tell whether this server does its work, in the text format of Prometheus."""
    _read(parts_of(request))
    return Response(metrics.text(), media_type=metrics.CONTENT_TYPE)


def _read(parts: Parts) -> None:
    waiting, oldest_s = parts.grader.backlog()
    metrics.frames_ungraded.set(waiting)
    metrics.oldest_ungraded_s.set(oldest_s)
    metrics.disk_left_bytes.set(shutil.disk_usage(parts.settings.data).free)
    with parts.loads.reading() as session:
        flagged = session.scalars(select(func.count()).where(Load.status == "flagged")).one()
        newest = session.scalars(select(JournalHead.seq)).first()
        cameras = session.scalars(select(CameraHealth)).all()
    for camera in cameras:
        metrics.frames_spooled.labels(camera.lane, camera.camera).set(json.loads(camera.counts).get("waiting", 0))
    metrics.review_queue.set(flagged)
    metrics.journal_head.set(newest or 0)
