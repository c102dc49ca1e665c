"""The example data of `recipes/support_email.yaml`: support tickets with follow-up e-mails.

A fictional company, Brightline, answers tickets about its products. Every row is a chat: the
system prompt, a ticket of 45 to 75 tokens, and the e-mail that support sent, of 65 to 95 tokens
(SmolLM2's tokenizer). An e-mail states facts of its ticket and nothing else, in the one `FORMAT`.

`write` makes, in one folder:

- `tickets-1.jsonl` … `tickets-4.jsonl`: the messy source, one row a line.
- `heldout.jsonl`: clean rows whose people, products and problems never occur in the tickets;
  candidates for a golden set.
- `truth.jsonl`: for every line of the ticket files, in order, what was planted there.

Keys beside `messages`: `conversation` (one or two tickets of a customer; rows of a conversation
belong on one side of a split), `product`, `problem`, `language`.

What is planted, as `reason` in the truth, with its share of all lines (`SHARES`); a line has one
defect at most:

| reason | what |
|---|---|
| `exact_copy` | the messages of an earlier line again |
| `near_copy` | one or two small edits in the ticket; word 3-gram Jaccard of at least 0.85 |
| `ungrounded` | an invented date, amount, number, id or name, exchanged or added |
| `format` | the facts are right, the form is not: eleven ways |
| `marker` | a phrase of a model that speaks about itself |
| `bad_line` | no row at all: broken JSON, wrong types, no answer, not UTF-8, … |
| `secret` | a key, token, password or card number in the ticket; made up, of the real shape |
| `leak` | a held-out row, as it is or nearly |
| `too_short`, `too_long` | the right form with under 50 tokens, or over 1,000 words |

All else is `clean`. Some clean rows have the kind `decoy`: the same customer's problem again with
new numbers, close to another row (`copy_of`) but below 0.8, so a near-copy check must keep them.
Others have the kind `incomplete`: facts are left open, and the e-mail says so. But for decoys, no
two clean rows reach 0.4. Similarity is of ticket and e-mail, without the system prompt.

A line of the truth has `file`, `line` (from 1), `reason`, `kind` (the way it was done), `detail`,
`copy_of` (the `file` and `line` that it repeats) and `facts` (what the e-mail of a row without an
invention states). The same seed gives the same bytes on every platform and Python version.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tunesmith.errors import InputError
from tunesmith.example_data import defects
from tunesmith.example_data.defects import Spoiled
from tunesmith.example_data.dice import Dice
from tunesmith.example_data.incomplete import leave_open
from tunesmith.example_data.tickets import Row, Tickets, grams, jaccard, new_facts, pieces
from tunesmith.replacing import replace_file

SYSTEM_PROMPT = (
    "You write follow-up e-mails for Brightline Support. State only what the ticket says. "
    "Give the subject line with the ticket id, a greeting, the facts in short, a paragraph and "
    "the sign-off."
)

FORMAT = (
    r"Subject: \[(?:TK-\d{5}|[a-z ]+)\] [A-Z][^\n]*\n\n"
    r"(?:Hi|Hello|Dear) (?:[A-Z][^\n,]*|customer),\n\n"
    r"In short: [^\n]+\.\n\n"
    r"[A-Z$€£][^\n]+\n\n"
    r"Kind regards,\nBrightline Support"
)
"""Regular expression that a whole e-mail must match."""

SHARES = {
    "exact_copy": 0.03,
    "near_copy": 0.035,
    "ungrounded": 0.05,
    "format": 0.03,
    "marker": 0.025,
    "bad_line": 0.025,
    "secret": 0.015,
    "leak": 0.015,
    "too_short": 0.01,
    "too_long": 0.005,
}
"""Share of all lines, by planted reason."""

DECOYS = 0.015
"""Share of all lines that are clean but close to another clean row."""

INCOMPLETE = 0.25
"""Share of all lines that are clean but whose ticket leaves facts open."""

DECOY = 0.65, 0.78
"""Least and greatest similarity of a decoy to its row (Jaccard of word 3-grams)."""

DISTINCT = 0.4
"""Similarity that no two clean rows reach, decoys aside."""

HELDOUT_ROWS = 80
FILES = 4
MIN_ROWS, MAX_ROWS = 200, 20_000


@dataclass(frozen=True)
class TruthRow:
    """What stands on one line of the ticket files."""

    file: str
    line: int
    reason: str
    kind: str
    detail: dict[str, str]
    copy_of: dict[str, str | int] | None
    facts: dict[str, str]


@dataclass(frozen=True)
class Truth:
    """What was written where."""

    rows: tuple[TruthRow, ...]
    tickets: tuple[Path, ...]
    heldout: Path
    path: Path

    @property
    def counts(self) -> dict[str, int]:
        """Lines by reason, `clean` among them; largest first."""
        return dict(Counter(row.reason for row in self.rows).most_common())


@dataclass(eq=False)
class _Line:
    """A line to be written; compared by identity, since copies are equal in content."""

    content: bytes
    reason: str = "clean"
    kind: str = ""
    detail: dict[str, str] = field(default_factory=dict)
    copy_of: "_Line | int | None" = None
    """The line it repeats, or the number of the held-out row."""
    facts: dict[str, str] = field(default_factory=dict)


def write(out: Path, seed: int = 7, rows: int = 1400) -> Truth:
    """Write the ticket files, the held-out rows and the truth into a folder.

    Each file appears whole or not at all; files of the same names are replaced, the truth last.

    Args:
        out: The folder; made if absent.
        seed: Same seed and rows, same bytes.
        rows: Lines in the ticket files together, 200 to 20,000.

    Raises:
        InputError: when `rows` is out of range or the folder cannot be written.
    """
    if not MIN_ROWS <= rows <= MAX_ROWS:
        raise InputError(f"rows is {rows}; expected {MIN_ROWS} to {MAX_ROWS}")
    maker = _Maker(Dice(seed), rows)
    lines = maker.lines()
    names = [f"tickets-{number}.jsonl" for number in range(1, FILES + 1)]
    in_file = -(-rows // FILES)
    places = {id(line): (names[at // in_file], at % in_file + 1) for at, line in enumerate(lines)}
    truth = [_truth_row(line, places) for line in lines]
    content: dict[str, list[bytes]] = {name: [] for name in names}
    for line in lines:
        content[places[id(line)][0]].append(line.content)
    content["heldout.jsonl"] = [_encode(_as_object(row)) for row in maker.heldout]
    content["truth.jsonl"] = [_encode(_known(row)) for row in truth]
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, parts in content.items():
            replace_file(out / name, b"".join(part + b"\n" for part in parts))
    except OSError as error:
        raise InputError(f"{error.filename}: cannot be written: {error.strerror}") from error
    return Truth(
        rows=tuple(truth),
        tickets=tuple(out / name for name in names),
        heldout=out / "heldout.jsonl",
        path=out / "truth.jsonl",
    )


class _Maker:
    """Makes the lines of one data set."""

    def __init__(self, dice: Dice, rows: int) -> None:
        self._dice, self._rows = dice, rows
        self._ids: Iterator[int] = iter(dice.shuffled(range(10_000, 100_000)))
        self._tickets = Tickets("tickets", dice, self._ids)
        held = Tickets("heldout", dice, self._ids)
        self.heldout = [held.next() for _ in range(HELDOUT_ROWS)]

    def lines(self) -> list[_Line]:
        """All lines in their final order; a copy stands behind what it copies."""
        count = {reason: round(share * self._rows) for reason, share in SHARES.items()}
        decoys = round(DECOYS * self._rows)
        plain = self._rows - sum(count.values()) - decoys
        clean = [(row, _line(row)) for row in (self._tickets.next() for _ in range(plain))]
        chosen = iter(self._dice.shuffled(clean))
        lines = [line for _, line in clean]
        lines += [self._exact_copy(*next(chosen)) for _ in range(count["exact_copy"])]
        lines += [self._near_copy(*next(chosen)) for _ in range(count["near_copy"])]
        lines += [self._decoy(chosen) for _ in range(decoys)]
        lines += [self._leak(at, exact=at % 2 == 0) for at in range(count["leak"])]
        lines += [self._bad_line(at) for at in range(count["bad_line"])]
        for reason, spoil in self._spoilers().items():
            lines += [self._spoiled(reason, spoil, at) for at in range(count[reason])]
        ordered = _copies_last(self._dice.shuffled(lines))
        # Last, so that all other rows are what they would be without.
        self._leave_open(chosen, round(INCOMPLETE * self._rows))
        return ordered

    def _spoilers(self) -> dict[str, Callable[[Row, int], Spoiled]]:
        """For each reason, how a row is spoiled; the number goes round the kinds."""
        dice = self._dice

        def kind(kinds: tuple[str, ...], at: int) -> str:
            return kinds[at % len(kinds)]

        return {
            "ungrounded": lambda row, at: defects.ungrounded(
                row, kind(defects.ENTITY_KINDS, at), dice
            ),
            "format": lambda row, at: defects.misshapen(row, kind(defects.FORMAT_KINDS, at)),
            "marker": lambda row, at: defects.marked(row, kind(defects.MARKER_KINDS, at), dice),
            "secret": lambda row, at: defects.leaking(row, kind(defects.SECRET_KINDS, at), dice),
            "too_short": lambda row, at: defects.too_short(row, dice),
            "too_long": lambda row, at: defects.too_long(row, dice),
        }

    def _spoiled(self, reason: str, spoil: Callable[[Row, int], Spoiled], at: int) -> _Line:
        while True:
            row = self._tickets.next()
            spoiled = spoil(row, at)
            # Whatever loses a paragraph must stay above 50 tokens, or it would be short as well.
            if reason == "too_short" or pieces(spoiled.assistant) >= 46:
                return _line(row, spoiled, reason)

    def _exact_copy(self, row: Row, line: _Line) -> _Line:
        return _Line(line.content, "exact_copy", "exact_copy", copy_of=line, facts=line.facts)

    def _near_copy(self, row: Row, line: _Line) -> _Line:
        return _line(row, defects.near_copy(row, self._dice), "near_copy", copy_of=line)

    def _decoy(self, chosen: Iterator[tuple[Row, _Line]]) -> _Line:
        """One of the rows with other numbers, so many that it is close but no near copy."""
        number = f"TK-{next(self._ids)}"
        for row, line in chosen:
            original = grams(row.user, row.assistant)
            for count in (1, 1, 2, 2, 3, 3):
                fresh = new_facts(self._dice)
                names = self._dice.sample(fresh, count)
                other = row.with_facts(id=number, **{name: fresh[name] for name in names})
                similar = jaccard(original, grams(other.user, other.assistant))
                if DECOY[0] <= similar <= DECOY[1]:
                    detail = {"jaccard": f"{similar:.3f}"}
                    decoy = Spoiled(other.user, other.assistant, "decoy", detail)
                    return _line(other, decoy, "clean", copy_of=line)
        raise AssertionError("no row has a decoy, though about every second row has")

    def _leave_open(self, chosen: Iterator[tuple[Row, _Line]], count: int) -> None:
        """Leave facts open in so many rows, passing over those that would be too much alike."""
        known: dict[str, list[frozenset[str]]] = {}
        for row, line in chosen:
            if not count:
                return
            bare = leave_open(row, self._dice)
            mine, others = grams(bare.user, bare.assistant), known.setdefault(row.problem, [])
            if all(jaccard(mine, other) < DISTINCT for other in others):
                others.append(mine)
                made = _line(bare, Spoiled(bare.user, bare.assistant, "incomplete"))
                line.content, line.kind, line.facts = made.content, made.kind, made.facts
                count -= 1
        raise AssertionError("too few rows are left to leave facts open in")

    def _leak(self, at: int, *, exact: bool) -> _Line:
        number = at * 7 % HELDOUT_ROWS
        row = self.heldout[number]
        if exact:
            leak = Spoiled(row.user, row.assistant, "exact")
        else:
            near = defects.near_copy(row, self._dice)
            leak = Spoiled(near.user, near.assistant, "near", near.detail)
        line = _line(row, leak, "leak", copy_of=number + 1)
        line.content = line.content.replace(b'"conversation": "H', b'"conversation": "L', 1)
        return line

    def _bad_line(self, at: int) -> _Line:
        kind = defects.BAD_LINE_KINDS[at % len(defects.BAD_LINE_KINDS)]
        whole = _as_object(self._tickets.next())
        text = _encode(whole).decode("utf-8")
        return _Line(defects.bad_line(whole, text, kind), "bad_line", kind)


def _as_object(row: Row, spoiled: Spoiled | None = None) -> dict[str, Any]:
    said = spoiled or row
    return {
        "messages": [
            {"role": "system", "content": SYSTEM_PROMPT},
            {"role": "user", "content": said.user},
            {"role": "assistant", "content": said.assistant},
        ],
        "conversation": row.conversation,
        "product": row.facts["product"],
        "problem": row.problem,
        "language": "en",
    }


def _line(
    row: Row,
    spoiled: Spoiled | None = None,
    reason: str = "clean",
    copy_of: _Line | int | None = None,
) -> _Line:
    stated = sorted(row.wording.stated())
    return _Line(
        content=_encode(_as_object(row, spoiled)),
        reason=reason,
        kind=spoiled.kind if spoiled else "",
        detail=spoiled.detail if spoiled else {},
        copy_of=copy_of,
        facts={} if reason == "ungrounded" else {name: row.facts[name] for name in stated},
    )


def _copies_last(lines: list[_Line]) -> list[_Line]:
    """Exchange a copy with its original where the copy stands first."""
    place = {id(line): at for at, line in enumerate(lines)}
    for line in list(lines):
        if isinstance(line.copy_of, _Line):
            mine, its = place[id(line)], place[id(line.copy_of)]
            if mine < its:
                lines[mine], lines[its] = lines[its], lines[mine]
                place[id(line)], place[id(line.copy_of)] = its, mine
    return lines


def _truth_row(line: _Line, places: dict[int, tuple[str, int]]) -> TruthRow:
    copy_of: dict[str, str | int] | None = None
    if isinstance(line.copy_of, _Line):
        file, number = places[id(line.copy_of)]
        copy_of = {"file": file, "line": number}
    elif line.copy_of is not None:
        copy_of = {"file": "heldout.jsonl", "line": line.copy_of}
    file, number = places[id(line)]
    return TruthRow(file, number, line.reason, line.kind, line.detail, copy_of, line.facts)


def _known(row: TruthRow) -> dict[str, Any]:
    """The row as an object without its empty parts."""
    return {name: value for name, value in vars(row).items() if value}


def _encode(value: dict[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8")
