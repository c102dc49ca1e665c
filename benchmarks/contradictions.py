"""How often planted contradictions are found, and answers that only differ are taken for some.

    python benchmarks/contradictions.py --data FILE [FILE ...] [--quick]

FILE holds real questions with answers (JSON or JSON lines, plain or gzipped: objects with
question and answer, or instruction, input and response, or chosen and rejected chats). To every
answer with a number, a date, or a yes or no at its start, two others are made: one reworded, and
one reworded with one fact changed. Rewording leaves out words and sentences, changes their order,
and puts other words for common ones; how much is drawn at random, from hardly to nearly all.

The table goes over `alike`, the similarity from which two answers are taken to say the same.
found: changed answers that are called a contradiction. false: reworded ones that are. real: pairs
of different answers to one question as the files have them, of which few contradict; `--show N`
prints some of those that are called a contradiction. Last come the shares of each file, because a
changed number is a contradiction for sure only where a number was asked for: in a program or a
play it is none, and rightly not found. There is no peer: no tool does this offline.
"""

import argparse
import gzip
import json
import random
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tunesmith.data.comparing.contradictions import ALIKE, incompatible, input_key

STEPS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
OTHER_WORDS = {
    "big": "large", "small": "little", "get": "receive", "buy": "purchase", "because": "since",
    "also": "as well", "now": "at present", "many": "a lot of", "need": "require", "start": "begin",
    "end": "finish", "help": "assist", "show": "display", "make": "create", "so": "thus",
    "total": "overall", "each": "every", "left": "remaining", "then": "next",
}  # fmt: skip
OPENINGS = ("", "Well, ", "Of course. ", "As far as I know, ", "Here is what I found: ")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", type=Path, nargs="+", required=True)
    parser.add_argument("--quick", action="store_true", help="300 answers")
    parser.add_argument("--show", type=int, default=0)
    options = parser.parse_args()
    files = {path: list(pairs(load(path))) for path in options.data}
    rows = [pair for read in files.values() for pair in read]
    real = different_answers(rows)
    rng = random.Random(11)
    rng.shuffle(rows)
    planted = list(plant(rows, rng))[: 300 if options.quick else 3000]
    real = rng.sample(real, min(len(real), 300 if options.quick else 3000))
    print(f"{len(planted)} answers, {len(real)} pairs of different answers to one question")
    print(f"{'alike':>6}{'found':>8}{'false':>8}{'precision':>11}{'real':>8}")
    figures: dict[str, float] = {}
    for alike in STEPS:
        found = share((turn, one, changed) for turn, one, _, changed in planted)(alike)
        false = share((turn, one, same) for turn, one, same, _ in planted)(alike)
        called = share(iter(real))(alike)
        precision = found / (found + false) if found + false else 1.0
        print(f"{alike:6.1f}{found:8.3f}{false:8.3f}{precision:11.3f}{called:8.3f}")
        if alike == ALIKE:
            figures = {"recall": found, "precision": precision, "real": called}
    for path, read in files.items():
        made = list(plant(rng.sample(read, min(len(read), 1000)), rng))
        found = share((turn, one, changed) for turn, one, _, changed in made)(ALIKE)
        false = share((turn, one, same) for turn, one, same, _ in made)(ALIKE)
        print(f"{found:14.3f}{false:8.3f}  of {len(made)} in {path.name}")
    for turn, one, other in real:
        if options.show and (why := incompatible(turn, one, other)):
            options.show -= 1
            print(f"--- {why}\n{turn[-300:]}\n    has\n{one[:300]}\n    or\n{other[:300]}")
    rounded = {name: round(value, 4) for name, value in figures.items()}
    print(json.dumps({"name": "contradictions", "figures": rounded}))


def share(texts: Iterator[tuple[str, str, str]]) -> Callable[[float], float]:
    """Return a function from `alike` to the share of pairs that are called a contradiction."""
    held = list(texts)
    return lambda alike: sum(bool(incompatible(*each, alike)) for each in held) / max(len(held), 1)


def plant(rows: list[tuple[str, str]], rng: random.Random) -> Iterator[tuple[str, ...]]:
    """Yield turns with an answer, one that says the same, and one that says something else."""
    for turn, answer in rows:
        if len(answer) < 2000 and (changed := change(answer, rng)) is not None:
            strength = rng.random()
            yield (
                turn.rpartition("\n\nHuman:")[2],
                answer,
                reword(answer, strength, rng),
                reword(changed, strength, rng),
            )


def change(answer: str, rng: random.Random) -> str | None:
    """Change one fact: the last number wherever it stands, or a yes or no at the start."""
    if match := re.match(r"(yes|no)\b", answer, re.IGNORECASE):
        return ("No" if match[0].lower() == "yes" else "Yes") + answer[match.end() :]
    numbers = re.findall(r"(?<![\w.,])\d+(?![\w.,]*\w)", answer)
    if not numbers:
        return None
    other = str(int(numbers[-1]) + rng.randint(1, 9))
    return re.sub(rf"(?<![\w.,]){numbers[-1]}(?![\w.,]*\w)", other, answer)


def reword(text: str, strength: float, rng: random.Random) -> str:
    """Say nearly the same in other words; numbers, and a yes or no, stay."""
    sentences = re.split(r"(?<=[.!?])\s+|\n+", text)
    first = sentences[0]
    kept = [one for one in sentences[1:] if re.search(r"\d", one) or rng.random() > strength / 2]
    if rng.random() < strength:
        rng.shuffle(kept)
    words = " ".join([first, *kept]).split(" ")
    made = []
    for word in words:
        if word.lower() in OTHER_WORDS and rng.random() < 0.5 + strength / 2:
            made.append(OTHER_WORDS[word.lower()])
        elif made and word.isalpha() and rng.random() < strength / 3:
            continue
        else:
            made.append(word)
    opening = "" if re.match(r"(yes|no)\b", text, re.IGNORECASE) else rng.choice(OPENINGS)
    return opening + " ".join(made)


def different_answers(rows: list[tuple[str, str]]) -> list[tuple[str, str, str]]:
    """Return a turn with of different answers to one question, at most three pairs of each."""
    answers: dict[bytes, list[str]] = defaultdict(list)
    turns: dict[bytes, str] = {}
    for question, answer in rows:
        key = input_key(question, "chat")
        if answer not in answers[key]:
            answers[key].append(answer)
        turns[key] = question.rpartition("\n\nHuman:")[2]
    return [
        (turns[key], one, other)
        for key, each in answers.items()
        for at, one in enumerate(each[:3])
        for other in each[at + 1 : 3]
    ]


def load(path: Path) -> Any:
    data = path.read_bytes()
    whole = (gzip.decompress(data) if path.suffix == ".gz" else data).decode()
    try:
        return json.loads(whole)
    except json.JSONDecodeError:
        return [json.loads(line) for line in whole.splitlines() if line.strip()]


def pairs(rows: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    """Yield questions with answers; the two chats of a preference share their question."""
    for row in rows:
        if "question" in row:
            yield row["question"], row["answer"]
        elif "response" in row:
            yield f"{row['instruction']}\n{row.get('input', '')}", row["response"]
        elif "chosen" in row:
            for name in ("chosen", "rejected"):
                question, _, answer = row[name].rpartition("\n\nAssistant:")
                yield question, answer.strip()


if __name__ == "__main__":
    main()
