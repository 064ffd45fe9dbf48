"""`/healthz` and `/readyz`, for whatever watches over the server's process."""

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from loadlens.serving.api import problems
from loadlens.serving.api.admission import disk_shortage
from loadlens.serving.api.parts import parts_of

router = APIRouter()


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """The process answers."""
    return {"status": "ok"}


@router.get("/readyz")
def readyz(request: Request) -> JSONResponse:
    """Model, database, disk and whoever looks for lost cameras can do their work; 503 names what cannot."""
    parts = parts_of(request)
    parts.loads.check_database()
    parts.loads.blobs.exists("0" * 64)  # raises where the store does not answer
    found = (parts.grader.problem, parts.sweeper.problem, disk_shortage(parts.settings))
    reasons = [problem for problem in found if problem]
    return problems.problem(503, "; ".join(reasons)) if reasons else JSONResponse({"status": "ready"})
