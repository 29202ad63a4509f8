"""``/healthz``, ``/readyz``, ``/metrics``: open to whoever watches over the process."""

import asyncio
from collections.abc import Mapping

from fastapi import FastAPI
from starlette.responses import JSONResponse, Response

from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.inbound.rest.dependencies import Admin, Probe

PROBE_TIMEOUT_S = 2
"""A part that does not answer by then is not ready."""


def add_standing(app: FastAPI) -> None:
    """Serve what tells how the process stands."""
    for path, endpoint in (("/healthz", healthz), ("/readyz", readyz), ("/metrics", metrics)):
        app.add_api_route(path, endpoint, include_in_schema=False, response_model=None)


async def healthz() -> Response:
    """Say that the process is alive: it answers."""
    return JSONResponse({"status": "alive"})


async def readyz(admin: Admin) -> Response:
    """Say whether every part is ready: 200, or 503 and which is not and why."""
    reasons = await _reasons(admin.probes)
    checks = {name: reason or "ready" for name, reason in reasons.items()}
    ready = not any(reasons.values())
    return JSONResponse(
        {"status": "ready" if ready else "not ready", "checks": checks}, status_code=200 if ready else 503
    )


async def metrics(admin: Admin) -> Response:
    """Give the counters and gauges of the process, and which of its parts are ready."""
    reasons = await _reasons(admin.probes)
    content, content_type = admin.metrics({part: reason is None for part, reason in reasons.items()})
    return Response(content, headers={"Content-Type": content_type})


async def _reasons(probes: Mapping[str, Probe]) -> dict[str, str | None]:
    """Ask every part at once why it is not ready; ``None`` is ready."""
    reasons = await asyncio.gather(*(_reason(probe) for probe in probes.values()))
    return dict(zip(probes, reasons, strict=True))


async def _reason(probe: Probe) -> str | None:
    try:
        async with asyncio.timeout(PROBE_TIMEOUT_S):
            return await probe()
    except TimeoutError:
        return f"did not answer within {PROBE_TIMEOUT_S} s"
    except DependencyFailed as failure:
        return failure.reason
    except Exception as defect:  # noqa: BLE001 - a probe that breaks is one more reason not to be ready
        return f"the probe broke: {type(defect).__name__}"
