"""What is mostly written first: Starlette, and httpx with one client for all requests.

UPSTREAM=http://127.0.0.1:9000/v1 uvicorn starlette_httpx:app
"""

import contextlib
import os

import httpx
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.responses import JSONResponse, StreamingResponse
from starlette.routing import Route

limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
client = httpx.AsyncClient(base_url=os.environ["UPSTREAM"], timeout=600, limits=limits)


async def completions(request):
    body = await request.json()
    body["model"] = "model-3"
    if not body.get("stream"):
        response = await client.post("/chat/completions", json=body)
        return JSONResponse(response.json(), response.status_code)
    asked = client.build_request("POST", "/chat/completions", json=body)
    response = await client.send(asked, stream=True)
    return StreamingResponse(
        response.aiter_bytes(),
        response.status_code,
        media_type="text/event-stream",
        background=BackgroundTask(response.aclose),
    )


@contextlib.asynccontextmanager
async def lifespan(app):
    yield
    await client.aclose()


app = Starlette(
    routes=[Route("/v1/chat/completions", completions, methods=["POST"])], lifespan=lifespan
)
