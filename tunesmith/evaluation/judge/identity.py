"""Who judged: two evaluations compare only if the same judge made both.

And no model judges itself: a judge prefers what it would have written (Panickssery and others,
"LLM Evaluators Recognize and Favor Their Own Generations", 2024).
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from msgspec import Struct, field

from tunesmith.artifacts import Scores
from tunesmith.errors import RecipeError, Unready


class JudgeIdentity(Struct, frozen=True):
    """A judge: its model, what it is told, and how it decodes.

    Attributes:
        model: The name that the endpoint was asked for.
        served: What the server said it was; an alias may lead to another model next month.
        prompt_digest: Digest of all that the judge is told beside the texts.
        decoding: Temperature, seed, longest reply, form of the reply, repeats.
    """

    model: str
    served: tuple[str, ...]
    prompt_digest: str
    decoding: dict[str, Any] = field(default_factory=dict)


def differences(one: JudgeIdentity, other: JudgeIdentity) -> tuple[str, ...]:
    """Return in what two judges differ; their verdicts compare only if this is empty."""
    found = []
    if one.model != other.model:
        found.append(f"model {one.model!r} and {other.model!r}")
    if one.served != other.served:
        found.append(f"served {', '.join(one.served)} and {', '.join(other.served)}")
    if one.prompt_digest != other.prompt_digest:
        found.append(f"prompt {one.prompt_digest[:12]} and {other.prompt_digest[:12]}")
    for name in sorted(one.decoding.keys() | other.decoding.keys()):
        ours, theirs = one.decoding.get(name), other.decoding.get(name)
        if ours != theirs:
            found.append(f"{name} {ours} and {theirs}")
    return tuple(found)


def check_same(scores: Mapping[str, Scores]) -> None:
    """Refuse to compare verdicts of two judges that go by one name.

    Scores may come from the store, of months ago; since then another model may serve under the
    judge's name.

    Args:
        scores: By "who where", as in "base test".

    Raises:
        Unready: those of one set were judged by different models, or asked in different forms.
    """
    for where in dict.fromkeys(name.partition(" ")[2] for name in scores):
        found = {
            name: ref.judged_by
            for name, ref in scores.items()
            if name.partition(" ")[2] == where and ref.judged_by
        }
        if len(set(found.values())) > 1:
            told = "; ".join(f"{name} by {' and '.join(by)}" for name, by in found.items())
            raise Unready(
                f"the judge changed behind its name, so that verdicts do not compare: {told}. Have "
                "all judged again by the one that answers now: run the same command with "
                "--rebuild judge"
            )


class Subject(NamedTuple):
    """A model under judgement, by all the names that it goes by."""

    role: str
    names: Sequence[str]


def check_independent(judge: Iterable[str], subjects: Iterable[Subject]) -> None:
    """Refuse a judge that is one of the models that it judges, or their base.

    Names are compared without owner, folder, revision, file ending and quantisation. A model
    that goes by a wholly different name is not recognised.

    Args:
        judge: The names of the judge: asked for, and served.
        subjects: The candidate, its base, the champion.

    Raises:
        RecipeError: one of the names is the judge's.
    """
    names = {bare: name for name in judge if (bare := _bare(name))}
    for subject in subjects:
        for name in subject.names:
            if _bare(name) in names:
                raise RecipeError(
                    f"judge.model: {names[_bare(name)]!r} is the {subject.role} ({name}); a model "
                    "prefers its own answers. Name a judge of another family"
                )


_VARIANT = re.compile(
    r"(?:[-_.](?:gguf|safetensors|bin|awq|gptq|mlx|fp8|fp16|bf16|fp32|f16|f32|int[48]|[48]-?bits?"
    r"|i?q\d(?:_[a-z0-9]+)*))+$"
)


def _bare(name: str) -> str:
    last = name.strip().rstrip("/").rpartition("/")[2].casefold().partition("@")[0]
    last = _VARIANT.sub("", last.removesuffix(":latest"))
    return "".join(sign for sign in last if sign.isalnum())
