"""Ask a judge until its reply can be read, or count its verdict as missing.

The form of the reply is asked for as a JSON schema, where the endpoint takes that; else as a JSON
object; else in words alone. Which it was is part of the judge's identity. A reply that cannot be
read is asked for again, with the next seed, because the same one could give the same reply; after
that the verdict is missing, with the reason. An endpoint that does not answer at all is `Transient`
and ends the run.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

import msgspec
from pydantic import Field

from tunesmith.evaluation.endpoint.client import Client, Refused, Reply
from tunesmith.evaluation.endpoint.params import EndpointParams
from tunesmith.evaluation.endpoint.retrying import Clock
from tunesmith.evaluation.judge.replies import Broken, read
from tunesmith.evaluation.judge.results import REFUSED, Made
from tunesmith.evaluation.judge.rubric import Rubric, Task
from tunesmith.stage import Params

T = TypeVar("T", bound=msgspec.Struct)

Form = Literal["schema", "object", "text"]

_NEXT: Mapping[Form, Form] = {"schema": "object", "object": "text"}
_ABOUT_FORM = ("response_format", "json_schema", "json_object", "schema", "structured", "grammar")
"""Words of servers that do not know the form asked for."""


class JudgeParams(Params):
    """A model that judges."""

    endpoint: EndpointParams = Field(description="Where the judge is, and how it decodes.")
    max_tokens: int = Field(1024, ge=16, description="Longest reply in tokens.")
    structured: Literal["auto", "schema", "object", "text"] = Field(
        "auto",
        description=(
            "How the form of replies is asked for: as a JSON schema, a JSON object, or in words; "
            "`auto` takes the first of these that the endpoint knows."
        ),
    )
    repeats: int = Field(
        2, ge=0, description="Times that a reply that cannot be read is asked for again."
    )


@dataclass(frozen=True)
class Found(Generic[T]):
    """A reply that was read, or None and why it is missing."""

    reply: T | None
    missing: str
    made: Made


class Judge:
    """A judge with its rubric.

    Args:
        params: Its model.
        rubric: What it is told.
        key: The endpoint's key, as `key_from` returns it.
        clock: Time, for tests.

    Attributes:
        refusal: Why the endpoint last refused a question.
    """

    def __init__(
        self, params: JudgeParams, rubric: Rubric, key: str | None, clock: Clock | None = None
    ) -> None:
        self.params, self.rubric = params, rubric
        self.refusal = ""
        self._key, self._clock = key, clock
        self._form: Form = "schema" if params.structured == "auto" else params.structured

    def connect(self) -> Client:
        """Return a connection to the endpoint, to be opened."""
        return Client(self.params.endpoint, self._key, self._clock)

    def decoding(self, forms: tuple[str, ...]) -> dict[str, Any]:
        """Return what decides, beside model and prompt, which reply comes back."""
        return {
            **self.params.endpoint.decoding(),
            "max_tokens": self.params.max_tokens,
            "repeats": self.params.repeats,
            "forms": list(forms),
        }

    async def ask(
        self,
        client: Client,
        name: str,
        task: Task,
        texts: Mapping[str, str],
        wanted: type[T],
        check: Callable[[T], None],
    ) -> Found[T]:
        """Return a reply that `wanted` and `check` accept, or why there is none.

        Args:
            client: The open connection.
            name: What to call the question in messages.
            task: What the judge does.
            texts: The texts to judge, by place.
            wanted: What the reply must be.
            check: Raises `Broken` for a reply that is no verdict although its form is right.

        Raises:
            Refused: the endpoint does not take the key, the model or the settings.
            Transient: it did not answer within the budget.
        """
        messages = self.rubric.messages(task, texts)
        replies, broken, served = 0, "", ""
        while replies <= self.params.repeats:
            form = self._form
            try:
                reply = await self._send(client, name, task, messages, form, replies)
            except Refused as error:
                if self._falls_back(form, error):
                    continue
                if error.status not in (400, 413, 422):
                    raise
                self.refusal = str(error)
                missing = f"{REFUSED}HTTP {error.status}"
                return Found(None, missing, Made(replies, form, served))
            replies += 1
            served = reply.model
            try:
                found = read(_whole(reply), wanted)
                check(found)
            except Broken as error:
                broken = str(error)
                continue
            return Found(found, "", Made(replies, form, served))
        return Found(None, f"broken reply: {broken}", Made(replies, self._form, served))

    async def _send(
        self,
        client: Client,
        name: str,
        task: Task,
        messages: list[dict[str, str]],
        form: Form,
        replies: int,
    ) -> Reply:
        seed = self.params.endpoint.seed
        return await client.ask(
            name,
            messages,
            max_tokens=self.params.max_tokens,
            seed=None if seed is None else seed + replies,
            response_format=self._response_format(task, form),
        )

    def _response_format(self, task: Task, form: Form) -> dict[str, Any] | None:
        if form == "schema":
            schema = self.rubric.reply_schema(task)
            return {
                "type": "json_schema",
                "json_schema": {"name": task, "strict": True, "schema": schema},
            }
        return {"type": "json_object"} if form == "object" else None

    def _falls_back(self, form: Form, error: Refused) -> bool:
        """Whether to ask again in a simpler form, which then holds for all questions."""
        if self.params.structured != "auto" or error.status not in (400, 404, 415, 422, 501):
            return False
        said = error.said.casefold()
        if form not in _NEXT or not any(word in said for word in _ABOUT_FORM):
            return False
        if self._form == form:
            self._form = _NEXT[form]
        return True


def _whole(reply: Reply) -> str:
    if reply.finish_reason != "stop":
        raise Broken(f"ended by {reply.finish_reason[:40]!r}")
    if not reply.text or not reply.text.strip():
        raise Broken("empty")
    return reply.text
