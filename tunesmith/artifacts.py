"""The kinds of artifact, as the small typed references that travel between stages.

A reference says which artifact (kind and digest) and two or three facts about it. Rows, weights
and paths never travel: whoever holds a reference asks the store.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict

STEPS = "steps.jsonl"
"""Name of an adapter's step metrics: one line a step, without the clock."""


class Ref(BaseModel):
    """A reference to an immutable, content-addressed artifact."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: str
    digest: str

    @property
    def short(self) -> str:
        """The first twelve digits of the digest, enough for a person."""
        return self.digest[:12]


class Files(Ref):
    """Source files, by name and content, as `ingest` finds them. They stay where they are."""

    kind: Literal["files"] = "files"
    names: tuple[str, ...]
    sha256: tuple[str, ...]
    root: str
    """Where the names are looked up; no part of the digest."""


class Examples(Ref):
    """Example rows, kept and dropped."""

    kind: Literal["examples"] = "examples"
    rows: int
    dropped: int


class Split(Ref):
    """The three sides of a data set."""

    kind: Literal["split"] = "split"
    train: Examples
    validation: Examples
    test: Examples


class Mixture(Ref):
    """What training reads, with an account of what it is made of."""

    kind: Literal["mixture"] = "mixture"
    train: Examples


class Base(Ref):
    """A base model: weights, tokenizer and chat template."""

    kind: Literal["base"] = "base"
    model: str


class Adapter(Ref):
    """A trained adapter, with its step metrics."""

    kind: Literal["adapter"] = "adapter"
    base: str
    """Digest of the base it was trained on, the only one it fits."""


class Package(Ref):
    """A model made ready to be served, with what was checked about that."""

    kind: Literal["package"] = "package"
    base: str
    adapter: str
    """Digests of what it was made from."""
    passed: bool


class Latencies(Ref):
    """Seconds of requests asked one at a time, and the machine that they hold for."""

    kind: Literal["latencies"] = "latencies"
    requests: int


class Predictions(Ref):
    """A model's answers, one row an example."""

    kind: Literal["predictions"] = "predictions"
    rows: int
    answered_by: str = ""
    """Runtime and precision, as in "vllm bf16"; empty for an endpoint."""


class Probes(Ref):
    """A model's answers to the questions of the suites, one row a question."""

    kind: Literal["probes"] = "probes"
    rows: int
    answered_by: str = ""
    """As of `Predictions`."""


class Scores(Ref):
    """Metrics of predictions, one row an example."""

    kind: Literal["scores"] = "scores"
    rows: int
    judged_by: tuple[str, ...] = ()
    """What a judge's endpoint said that it was, where one was asked."""


class Choice(Ref):
    """Which of several variants did best on validation, with what each scored."""

    kind: Literal["choice"] = "choice"
    variant: str


class Failures(Ref):
    """What the prompt baseline gets wrong, one row a failure."""

    kind: Literal["failures"] = "failures"
    rows: int


class Advice(Ref):
    """Whether fine-tuning is the answer, by which method, and what that rests on."""

    kind: Literal["advice"] = "advice"
    stop: bool
    """Whether a baseline reaches the recipe's target, so that nothing need be trained."""
    failures: Failures


Decision = Literal["promote", "reject", "inconclusive"]


class Verdict(Ref):
    """What the gate decided."""

    kind: Literal["verdict"] = "verdict"
    decision: Decision
