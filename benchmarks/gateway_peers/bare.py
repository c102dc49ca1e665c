"""The least that a gateway in Python does: read what matters, name the model, pass the rest on.

ASGI without a framework and aiohttp. It assigns nobody, records nothing, counts nothing, has no
time limit and no fallback, and does not notice a client that goes away.

    UPSTREAM=http://127.0.0.1:9000/v1 uvicorn bare:app
"""

import os
import re

import aiohttp
import msgspec

URL = os.environ["UPSTREAM"] + "/chat/completions"
MODEL = msgspec.Raw(b'"model-3"')
JSON = {"Content-Type": "application/json"}
END_OF_EVENT = re.compile(rb"\r?\n\r?\n")


class Usage(msgspec.Struct):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class Answer(msgspec.Struct):
    usage: Usage | None = None


read_request = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
read_answer = msgspec.json.Decoder(Answer).decode
encode = msgspec.json.Encoder().encode
session: aiohttp.ClientSession
tokens = 0


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await live(receive, send)
        return
    body = b""
    while True:
        message = await receive()
        body += message["body"]
        if not message["more_body"]:
            break
    fields = read_request(body)
    fields["model"] = MODEL
    async with session.post(URL, data=encode(fields), headers=JSON) as response:
        kind = response.headers["Content-Type"].encode()
        headers = [(b"content-type", kind)]
        if kind.startswith(b"text/event-stream"):
            await send(start(response.status, headers))
            await stream(response, send)
            return
        whole = await response.read()
        count(read_answer(whole))
        headers.append((b"content-length", str(len(whole)).encode()))
        await send(start(response.status, headers))
        await send({"type": "http.response.body", "body": whole})


async def stream(response, send):
    rest = b""
    async for piece in response.content.iter_any():
        rest += piece
        *events, rest = END_OF_EVENT.split(rest)
        for event in events:
            if event.startswith(b"data: {"):
                count(read_answer(event[6:]))
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


def start(status, headers):
    return {"type": "http.response.start", "status": status, "headers": headers}


def count(answer):
    global tokens
    if answer.usage is not None:
        tokens += answer.usage.completion_tokens or 0


async def live(receive, send):
    global session
    await receive()
    session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await session.close()
    await send({"type": "lifespan.shutdown.complete"})
