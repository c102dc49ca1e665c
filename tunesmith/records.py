"""The row types: what one line of each rows artifact is.

`Example` is one of `ChatExample`, `PreferenceExample` and `LabelExample`, told apart by `type`.
Rows are msgspec structs because a data set has millions of them; decoding checks the types.
"""

from typing import Any, Literal

from msgspec import Struct, field

from tunesmith.canonical import digest

SCHEMA_VERSION = 2
"""Part of every rows digest: raise it when the meaning of a row type changes.

A field at its default is left out of the canonical form, so a new one changes no digest.
"""

Role = Literal["system", "user", "assistant", "tool"]
Origin = Literal["human", "production", "model"]


class ToolCall(Struct, frozen=True, forbid_unknown_fields=True):
    """A function that the assistant wants called; `arguments` is JSON text, as models write it."""

    id: str
    name: str
    arguments: str


class Message(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One turn of a chat.

    An assistant's message has content, tool calls or both; a tool's names the call it answers.
    """

    role: Role
    content: str
    name: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None


class Row(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What every example has.

    `row_id` is a digest of what the model would see, so the same content has the same id in
    every file and every quarter. `group_id` names what must stay on one side of the split.
    `source` is where the row came from, as `file:line`. `written` is when, as the source says it
    (ISO 8601). `quality` is what `score` gave it, 0 to 1, and `flags` names the checks that found
    something but keep the row.
    """

    row_id: str
    group_id: str
    source: str
    origin: Origin
    reviewed_by: str | None = None
    reviewed_at: str | None = None
    written: str | None = None
    quality: float | None = None
    flags: tuple[str, ...] = ()
    metadata: dict[str, Any] = field(default_factory=dict)


class ChatExample(Row, frozen=True, kw_only=True, omit_defaults=True, tag="chat"):
    """A conversation whose last message is the answer to learn."""

    messages: tuple[Message, ...]
    tools: tuple[dict[str, Any], ...] = ()

    @property
    def prompt(self) -> tuple[Message, ...]:
        """The messages before the answer."""
        return self.messages[:-1]

    @property
    def answer(self) -> str:
        """The assistant's last message."""
        return self.messages[-1].content

    @property
    def input_text(self) -> str:
        """What the answer may draw on, as plain text: every message before it."""
        return _plain(self.prompt)


class PreferenceExample(Row, frozen=True, kw_only=True, omit_defaults=True, tag="preference"):
    """A prompt with a better and a worse answer."""

    prompt: tuple[Message, ...]
    chosen: str
    rejected: str

    @property
    def messages(self) -> tuple[Message, ...]:
        """The prompt with the better answer."""
        return (*self.prompt, Message("assistant", self.chosen))

    @property
    def answer(self) -> str:
        """The better answer."""
        return self.chosen

    @property
    def input_text(self) -> str:
        """Every message of the prompt, as plain text."""
        return _plain(self.prompt)


class LabelExample(Row, frozen=True, kw_only=True, omit_defaults=True, tag="label"):
    """A text with its class."""

    text: str
    label: str

    @property
    def prompt(self) -> tuple[Message, ...]:
        """The text, as a user's message."""
        return (Message("user", self.text),)

    @property
    def messages(self) -> tuple[Message, ...]:
        """The text, and the label as its answer."""
        return (*self.prompt, Message("assistant", self.label))

    @property
    def answer(self) -> str:
        """The label."""
        return self.label

    @property
    def input_text(self) -> str:
        """The text."""
        return self.text


def _plain(messages: tuple[Message, ...]) -> str:
    return "\n".join(message.content for message in messages)


Example = ChatExample | PreferenceExample | LabelExample


def row_id(content: Any) -> str:
    """Return the id of a row with this content: 16 hexadecimal digits of its sha256."""
    return digest(content)[:16]


class Dropped(Struct, frozen=True, kw_only=True):
    """A row that a stage left out, and why.

    `row` is the row as the stage saw it: an example, or the raw text of a line that is not one
    (bytes that are not UTF-8 appear as backslash escapes).
    """

    source: str
    reason: str
    detail: str
    row: Example | str


class Extra(Struct, frozen=True):
    """A row that a stage makes beside those that came in, such as a further piece of a long one."""

    row: Example


FinishReason = Literal["stop", "length", "tool_calls", "content_filter"]
"""How an answer ended: by itself, at the most tokens, with a call of a tool, or withheld."""


class Prediction(Struct, frozen=True, kw_only=True):
    """What a model answered to one example."""

    row_id: str
    group_id: str
    prompt_digest: str
    output: str
    finish_reason: FinishReason
    prompt_tokens: int
    completion_tokens: int


class FailedAnswer(Struct, frozen=True, kw_only=True):
    """An answer of the prompt baseline that is not right, of which kind it is, and why."""

    row_id: str
    group_id: str
    source: str
    kind: str
    why: str
    output: str


class Score(Struct, frozen=True, kw_only=True):
    """The metrics of one prediction; None where a metric does not apply to it.

    `evidence` says why, by metric: the entities without a source, the marker phrase found.
    """

    row_id: str
    group_id: str
    values: dict[str, float | None]
    evidence: dict[str, str] = field(default_factory=dict)
