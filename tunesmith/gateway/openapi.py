"""What the gateway takes and gives, as an OpenAPI document: what it reads itself, and no more.

A completion's other fields are an upstream's business; they pass as they came.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

Schema = Mapping[str, Any]

_TEXT = {"type": ["string", "null"]}
_FLAG = {"type": ["boolean", "null"]}
_ERROR = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["message", "type"],
            "properties": {"message": {"type": "string"}, "type": {"type": "string"},
                           "param": _TEXT, "code": {"type": ["string", "integer", "null"]}},
        }
    },
}  # fmt: skip
_COMPLETION = {
    "type": "object",
    "required": ["model"],
    "properties": {
        "model": {"type": "string", "description": "The recipe's name."},
        "user": {**_TEXT, "description": "Who asks: always answered by the same variant."},
        "stream": _FLAG,
    },
}
_ID = {"type": "string", "pattern": "^[0-9A-Za-z]{16,40}$"}
_FEEDBACK = {
    "type": "object",
    "required": ["interaction"],
    "additionalProperties": False,
    "properties": {
        "interaction": {**_ID, "description": "Of the header x-tunesmith-interaction."},
        "id": {"type": "string", "maxLength": 80,
               "description": "Of this saying; the same counts once for an interaction. "
                              "None that cannot be printed."},
        "rating": {"type": ["number", "null"], "minimum": 0, "maximum": 1},
        "accepted": _FLAG,
        "task_completed": _FLAG,
        "outcomes": {
            "type": "object",
            "maxProperties": 20,
            "propertyNames": {"minLength": 1, "maxLength": 60},
            "additionalProperties": {
                "type": ["boolean", "number"], "minimum": -(10**12), "maximum": 10**12,
            },
        },
    },
}  # fmt: skip
_EVENT = {"type": "object", "required": ["data"], "properties": {"data": {"type": "string"}}}
_STATUS = {
    "type": "object",
    "required": ["status"],
    "properties": {"status": {"type": "string"}},
}
_MODEL = {
    "type": "object",
    "required": ["id", "object"],
    "properties": {"id": {"type": "string"}, "object": {"const": "model"}},
}
_MODELS = {
    "type": "object",
    "required": ["object", "data"],
    "properties": {"object": {"const": "list"}, "data": {"type": "array", "items": _MODEL}},
}
_REFUSED = {
    "400": "The body is not what is expected.",
    "401": "The API key is missing or wrong.",
    "404": "There is no such model.",
    "405": "The method is another.",
    "408": "The body took too long.",
    "413": "The body is too large.",
    "415": "Where no key is needed: the body is not said to be JSON.",
    "429": "There are too many requests.",
    "431": "The headers are too large.",
    "503": "It cannot be kept now.",
}


def _gives(what: str, schema: Schema, kind: str = "application/json") -> dict[str, Any]:
    return {"description": what, "content": {kind: {"schema": schema}}}


def _refuses(*statuses: int) -> dict[str, Any]:
    """Return what a client with a key may be told."""
    told = sorted({401, 429, 431, *statuses})
    return {str(status): _gives(_REFUSED[str(status)], _ERROR) for status in told}


def _asked(what: str) -> dict[str, Any]:
    """Return an operation that an upstream answers."""
    answer = _gives("The upstream's answer, whole or in pieces.", {"type": "object"})
    answer["content"]["text/event-stream"] = {"schema": _EVENT}
    headers = ("interaction", "assigned", "served")
    answer["headers"] = {f"x-tunesmith-{name}": {"schema": {"type": "string"}} for name in headers}
    return {
        "summary": what,
        "requestBody": _body(_COMPLETION),
        "responses": {
            "200": answer,
            **_refuses(400, 404, 405, 408, 413, 415),
            "default": _gives("What else the upstream says, or that it says nothing.", _ERROR),
        },
    }


def _body(schema: Schema) -> dict[str, Any]:
    return {"required": True, "content": {"application/json": {"schema": schema}}}


def _open(what: str, answer: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return an operation that needs no key."""
    return {"get": {"summary": what, "security": [], "responses": {"200": answer, **more}}}


_NAME = {"name": "model", "in": "path", "required": True, "schema": {"type": "string"}}
_PATHS = {
    "/v1/chat/completions": {"post": _asked("Answer a conversation.")},
    "/v1/completions": {"post": _asked("Go on with a text.")},
    "/v1/models": {
        "get": {
            "summary": "The recipes.",
            "responses": {"200": _gives("Their names.", _MODELS), **_refuses()},
        }
    },
    "/v1/models/{model}": {
        "get": {
            "summary": "A recipe.",
            "parameters": [_NAME],
            "responses": {"200": _gives("Its name.", _MODEL), **_refuses(404)},
        }
    },
    "/v1/feedback": {
        "post": {
            "summary": "Say what became of an answer.",
            "requestBody": _body(_FEEDBACK),
            "responses": {
                "202": _gives("It is kept.", {"type": "object", "required": ["id"]}),
                **_refuses(400, 405, 408, 413, 503),
            },
        }
    },
    "/healthz": _open("Whether the process lives.", _gives("It does.", _STATUS)),
    "/readyz": _open(
        "Whether requests should come here.",
        _gives("They should.", _STATUS),
        **{"503": _gives("They should not.", _STATUS)},
    ),
    "/metrics": _open("Counters.", _gives("For Prometheus.", {"type": "string"}, "text/plain")),
    "/openapi.json": _open("This document.", _gives("It.", {"type": "object"})),
}

DOCUMENT: Schema = {
    "openapi": "3.1.0",
    "info": {"title": "tunesmith gateway", "version": "1"},
    "paths": _PATHS,
    "components": {"securitySchemes": {"key": {"type": "http", "scheme": "bearer"}}},
    "security": [{"key": []}, {}],
}
PAGE = msgspec.json.encode(DOCUMENT)
