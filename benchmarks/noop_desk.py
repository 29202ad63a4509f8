"""The desk's yardstick: a FastAPI route on the same server, with the same token check, that returns one fixed answer.

``python -m benchmarks.noop_desk DATA`` signs and checks tokens with the tiny issuer of the folder.
"""

import asyncio
import signal
import sys
from pathlib import Path
from typing import Any

import uvloop
from fastapi import FastAPI, Request
from pydantic import BaseModel

from tidegate.bootstrap.system import SystemClock, quieten_collector
from tidegate.demo.issuer import TinyIssuer
from tidegate.inbound.rest.server import AdminServer, listen
from tidegate.inbound.shared.token_guard import Role, TokenGuard, bearer_token
from tidegate.outbound.identity.issuer_keys import IssuerKeys

ANSWER = {
    "assessment_id": "7b0d4c1e-6f3a-4a53-9d0b-0f6a1f6f7c11",
    "trace_id": "9d3c1c52-2f0e-4a59-8a86-0d8f52ad9b0e",
    "decision": "APPROVED",
    "risk_score": 45,
    "reason_codes": ["RULE_GEO_HIGH_RISK_COUNTRY", "RULE_HIGH_DEBT_RATIO"],
    "processing_time_ms": 3,
    "status": "COMPLETED",
    "score_min": 45,
    "score_max": 45,
    "coverage": 1,
    "warnings": [],
    "duplicate_of_request": False,
}


class AskedBody(BaseModel):
    """The fields of a request, read as FastAPI reads any body."""

    trace_id: str | None = None
    subject_id: str
    source_system: str
    country: str
    product_type: str
    risk_category: str
    context_data: dict[str, Any]


def noop_app(guard: TokenGuard) -> FastAPI:
    """Make the application."""
    app = FastAPI(openapi_url=None)

    @app.post("/v1/risk/evaluate")
    async def evaluate(request: Request, body: AskedBody) -> dict[str, Any]:
        principal = await guard.principal(bearer_token(request.headers.getlist("authorization")))
        principal.require(Role.RISK_EVALUATOR)
        del body
        return ANSWER

    return app


async def _serve(data: Path) -> None:
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    listener = listen("127.0.0.1", 0)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    issuer = TinyIssuer.start(f"{url}/issuer", profile="demo", data_dir=data)
    keys = IssuerKeys.open(issuer.issuer)
    app = noop_app(TokenGuard(keys, SystemClock(), issuer=issuer.issuer, audience="tidegate"))
    app.mount("/issuer", issuer.app())
    server = await AdminServer.start(app, listener=listener)
    quieten_collector()
    print(f"ready rest={url} grpc=none", flush=True)
    await stopped.wait()
    await server.stop()
    await keys.close()


if __name__ == "__main__":
    uvloop.run(_serve(Path(sys.argv[1])))
