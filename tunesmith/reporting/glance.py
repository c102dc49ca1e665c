"""A verdict at a glance: a line each for criteria, package, failure modes and worn-out sets."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from tunesmith.reporting.looks import Worn, worn_out
from tunesmith.wording import counted

Tone = Literal["yes", "no", "not-settled"]


class Line(NamedTuple):
    """One line, with whether it speaks for the candidate."""

    tone: Tone
    what: str
    text: str


def glance(
    document: Mapping[str, Any], package: Mapping[str, Any] | None, worn: Mapping[str, Worn]
) -> list[Line]:
    """Return what stands behind a verdict; nothing where nothing was judged."""
    if not document["criteria"]:
        return []
    return [
        *_answers("criteria", document["criteria"], "met"),
        *_packaged(package),
        *_unfit(document.get("unfit", ())),
        *_answers("failure modes", document.get("suites", ()), "held"),
        *(Line("no", "worn out", sentence) for sentence in worn_out(worn)),
    ]


def _answers(what: str, items: Sequence[Mapping[str, Any]], met: str) -> Iterator[Line]:
    if not items:
        return
    found = Counter(str(item["answer"]) for item in items)
    named = (("yes", met), ("no", "credibly worse"), ("not settled", "not settled"))
    first, *rest = [(found[answer], word) for answer, word in named if found[answer]]
    said = [f"{first[0]} of {len(items)} {first[1]}", *(f"{count} {word}" for count, word in rest)]
    tone: Tone = "no" if found["no"] else "not-settled" if found["not settled"] else "yes"
    yield Line(tone, what, ", ".join(said))


def _unfit(reasons: Sequence[str]) -> Iterator[Line]:
    """Yield what else keeps a candidate back, such as that it was withdrawn before."""
    for reason in reasons:
        what, _, text = reason.partition(": ")
        if what != "package":
            yield Line("no", what, text)


def _packaged(package: Mapping[str, Any] | None) -> Iterator[Line]:
    if package is None:
        return
    failed = [item["check"].replace("_", " ") for item in package["checks"] if not item["passed"]]
    checks = counted(len(package["checks"]), "check")
    if failed:
        yield Line("no", "package", f"not fit to serve: {', '.join(failed)} failed, of {checks}")
    else:
        yield Line("yes", "package", f"fit to serve, {checks} passed")
