"""Small stages for tests of the store, and a program that builds them in processes of its own.

python -m tests.toy_stages build URL SCRATCH LOG        build `MAKE` when told to on stdin
python -m tests.toy_stages kill FOLDER                  build `CUT`, killed at every step
"""

import hashlib
import json
import os
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.made_rows import chat
from tunesmith.artifacts import Adapter, Examples, Split, Verdict
from tunesmith.canonical import canonical_row
from tunesmith.records import ChatExample, Dropped
from tunesmith.stage import Params, Stage
from tunesmith.store import Store
from tunesmith.store.draft import Draft


class MakeParams(Params):
    rows: int = 4
    word: str = "word"


class NoParams(Params):
    pass


def made(params: MakeParams) -> Iterator[ChatExample | Dropped]:
    for number in range(params.rows):
        row = chat(f"{params.word} {number}", source=f"made.jsonl:{number + 1}")
        if number % 4 == 3:
            yield Dropped(source=row.source, reason="fourth", detail="it is the fourth", row=row)
        else:
            yield row


def _make(params: MakeParams, draft: Draft) -> Examples:
    draft.count_in(params.rows)
    return draft.seal_examples(made(params))


def _cut(params: NoParams, draft: Draft, source: Examples) -> Split:
    """Work in steps that survive a kill, then seal two artifacts and a third that holds them."""
    found = len([path for path in draft.state.iterdir() if path.suffix != ".part"])
    for number in range(found, 3):
        part = draft.state / f"{number}.part"
        part.write_text("done")
        part.rename(draft.state / str(number))
        draft.save()
    draft.notes["resumed_at"] = found
    rows = list(draft.rows(source))
    train, rest = draft.seal_examples(rows[:1]), draft.seal_examples(rows[1:])
    return draft.seal_json(Split, "split.json", [1, 2], train=train, validation=rest, test=rest)


def _draw(params: NoParams, draft: Draft, source: Examples) -> Adapter:
    """Another result each time, as training on another machine."""
    folder = draft.scratch()
    (folder / "weights").mkdir()
    (folder / "weights" / "adapter.bin").write_bytes(os.urandom(200))
    (folder / "steps.jsonl").write_text('{"step": 1, "loss": 0.5}\n{"step": 2, "loss": 0.25}\n')
    draft.timings["steps"] = {"1": 100.0, "2": 200.0}
    return draft.seal_files(Adapter, folder, base="0" * 64)


def _judge(params: MakeParams, draft: Draft, scores: dict[str, Examples]) -> Verdict:
    document = {name: ref.rows for name, ref in scores.items()}
    return draft.seal_json(Verdict, "verdict.json", document, decision="promote")


class GivenParams(Params):
    key: str


def given(store: Store, rows: list[Any], kind: Any = Examples) -> Any:
    """Put rows into a store as they are."""

    def body(params: GivenParams, draft: Draft) -> Any:
        draft.count_in(len(rows))
        return draft.seal_examples(rows) if kind is Examples else draft.seal_rows(kind, rows)

    key = hashlib.sha256(b"".join(canonical_row(row) for row in rows)).hexdigest()
    return store.build(Stage("given", version=1, produces=kind, body=body), GivenParams(key=key))


MAKE = Stage("make", version=1, produces=Examples, body=_make)
CUT = Stage("cut", version=1, produces=Split, body=_cut)
DRAW = Stage("train", version=1, produces=Adapter, body=_draw, repeatable=False)
JUDGE = Stage("judge", version=1, produces=Verdict, body=_judge)


def build_when_told(url: str, scratch: str, log: str) -> None:
    """Say that everything is imported, wait for a line, build, and print the artifact."""

    def logged(params: MakeParams, draft: Draft) -> Examples:
        with Path(log).open("a") as file:
            file.write(f"{os.getpid()}\n")
        return _make(params, draft)

    store = Store(url, Path(scratch))
    store.storage.sizes("records")
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    ref = store.build(Stage("make", version=1, produces=Examples, body=logged), MakeParams())
    sys.stdout.write(ref.model_dump_json())


def kill_everywhere(folder: Path) -> None:
    """Build `CUT` in stores `folder/<n>`, killed before the n-th change to the file system."""
    # Once here, so that no child need import and look up what all need.
    warm = Store(str(folder / "warm"))
    warm.build(CUT, NoParams(), warm.build(MAKE, MakeParams()))
    Store(str(folder / "000")).build(MAKE, MakeParams())
    number = 0
    while True:
        number += 1
        root = folder / f"{number:03d}"
        shutil.copytree(folder / "000", root)
        ended = _in_child(lambda root=root, number=number: _build_until(root, number))
        if not os.WIFSIGNALED(ended):
            sys.stdout.write(json.dumps({"builds": number, "exit": os.WEXITSTATUS(ended)}))
            return


def _in_child(body: Any) -> int:
    child = os.fork()
    if child == 0:
        body()
        os._exit(0)
    return os.waitpid(child, 0)[1]


def _build_until(root: Path, number: int) -> None:
    store = Store(str(root))
    source = store.find(MAKE, MakeParams())
    left = number
    changes = {"os.link", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.chmod"}

    def kill(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal left
        writes = event == "open" and arguments[2] & (os.O_WRONLY | os.O_RDWR)
        if (writes or event in changes) and str(arguments[0]).startswith(str(root)):
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(kill)
    store.build(CUT, NoParams(), source)


if __name__ == "__main__":
    if sys.argv[1] == "build":
        build_when_told(*sys.argv[2:])
    else:
        kill_everywhere(Path(sys.argv[2]))
