import hashlib
import json
import re
import subprocess
import sys
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from tests.example_data.conftest import Made, email, ticket
from tunesmith.data.parsing import Reading, read_item
from tunesmith.data.readers import read_files
from tunesmith.data.secrets import find_secrets
from tunesmith.data.source_files import gather
from tunesmith.errors import InputError
from tunesmith.example_data import support_email
from tunesmith.example_data.support_email import DECOYS, FORMAT, SHARES, SYSTEM_PROMPT, write
from tunesmith.example_data.tickets import grams, jaccard, pieces
from tunesmith.example_data.vocabulary import vocabulary
from tunesmith.records import Dropped

HELDOUT_SHA256 = "d2c383ccc6cea63c6907bfadfa1ff4165b14751dafdeaf6a0dc4857436373dc3"


def digests(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


def test_same_seed_gives_same_bytes_whatever_the_hash_seed(made: Made, tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; "
        "from tunesmith.example_data.support_email import write; write(Path(sys.argv[1]))"
    )
    subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        check=True,
        env={"PYTHONHASHSEED": "12345", "LC_ALL": "C"},
        cwd=Path(__file__).parents[2],
    )
    assert digests(tmp_path) == digests(made.folder)


def test_another_seed_gives_other_rows(made: Made, tmp_path: Path) -> None:
    write(tmp_path, seed=8, rows=200)
    assert digests(tmp_path)["heldout.jsonl"] != digests(made.folder)["heldout.jsonl"]


def test_heldout_rows_depend_on_the_seed_alone(made: Made, tmp_path: Path) -> None:
    """Golden sets are made from them, and pinned by digest: they must not change by accident."""
    write(tmp_path, rows=200)
    assert digests(tmp_path)["heldout.jsonl"] == digests(made.folder)["heldout.jsonl"]
    assert digests(made.folder)["heldout.jsonl"] == HELDOUT_SHA256


def test_files_are_whole_lines_and_nothing_else_is_left(made: Made) -> None:
    assert sorted(path.name for path in made.folder.iterdir()) == [
        "heldout.jsonl",
        *(f"tickets-{number}.jsonl" for number in range(1, 5)),
        "truth.jsonl",
    ]
    for path in made.folder.iterdir():
        content = path.read_bytes()
        assert content.endswith(b"\n")
        assert b"\n\n" not in content
        assert b"\r" not in content


def test_writing_again_replaces_every_file(tmp_path: Path) -> None:
    write(tmp_path, rows=400)
    write(tmp_path, rows=200)
    again = write(tmp_path, rows=200)
    written = sum(path.read_bytes().count(b"\n") for path in again.tickets)
    assert written == len(again.rows) == 200


@pytest.mark.parametrize("rows", [0, 199, 20_001])
def test_a_wrong_number_of_rows_is_refused(rows: int, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=str(rows)):
        write(tmp_path / "out", rows=rows)
    assert not (tmp_path / "out").exists()


def test_a_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("here first")
    with pytest.raises(InputError, match="out"):
        write(tmp_path / "out", rows=200)
    assert (tmp_path / "out").read_text() == "here first"


@pytest.mark.parametrize("rows", [200, 201, 203, 1402])
def test_every_line_has_its_truth(rows: int, tmp_path: Path) -> None:
    truth = write(tmp_path, rows=rows)
    written = [
        (path.name, number)
        for path in truth.tickets
        for number in range(1, path.read_bytes().count(b"\n") + 1)
    ]
    assert [(row.file, row.line) for row in truth.rows] == written
    assert len(written) == rows
    stored = [json.loads(line) for line in truth.path.read_text("utf-8").splitlines()]
    assert [(row["file"], row["line"], row["reason"]) for row in stored] == [
        (row.file, row.line, row.reason) for row in truth.rows
    ]


def test_planted_shares_are_the_stated_ones(made: Made) -> None:
    counts = made.truth.counts
    total = len(made.truth.rows)
    assert set(counts) == {"clean", *SHARES}
    for reason, share in SHARES.items():
        assert counts[reason] == round(share * total)
        assert share <= 0.08
    assert 0.20 <= 1 - counts["clean"] / total <= 0.25
    decoys = [row for row in made.truth.rows if row.kind == "decoy"]
    assert len(decoys) == round(DECOYS * total)


def test_there_are_at_least_1200_distinct_tickets(made: Made) -> None:
    own = [
        ticket(row)
        for truth, row in made.readable()
        if truth.reason not in ("exact_copy", "near_copy", "leak")
    ]
    assert len(set(own)) == len(own) >= 1200


def test_rows_have_their_keys_and_the_system_prompt(made: Made) -> None:
    for row in [row for _, row in made.readable()] + made.heldout:
        assert list(row) == ["messages", "conversation", "product", "problem", "language"]
        assert [item["role"] for item in row["messages"]] == ["system", "user", "assistant"]
        assert row["messages"][0]["content"] == SYSTEM_PROMPT


def test_some_conversations_have_two_rows_and_none_has_more_of_its_own(made: Made) -> None:
    sizes = Counter(row["conversation"] for truth, row in made.of("clean") if not truth.copy_of)
    assert set(sizes.values()) == {1, 2}
    assert 20 <= sum(size == 2 for size in sizes.values()) <= 200


def test_only_the_planted_emails_break_the_format(made: Made) -> None:
    for truth, row in made.readable():
        matches = re.fullmatch(FORMAT, email(row)) is not None
        assert matches == (truth.reason != "format"), (truth, email(row))
    assert all(re.fullmatch(FORMAT, email(row)) for row in made.heldout)


def test_every_fact_of_an_email_stands_in_its_ticket(made: Made) -> None:
    checked = 0
    for truth, row in made.readable():
        for value in truth.facts.values():
            assert value in ticket(row), (truth, ticket(row))
            checked += 1
    assert checked > 5 * 1200


def test_numbers_and_names_of_clean_emails_come_from_the_ticket(made: Made) -> None:
    """By another way than the facts: read the e-mail's own digits and capitals."""
    for _, row in made.of("clean", "near_copy", "leak") + [(None, row) for row in made.heldout]:
        source = ticket(row)
        for number in re.findall(r"\d+", email(row)):
            assert re.search(rf"(?<!\d){number}(?!\d)", source), email(row)
        for word in re.findall(r"(?<=[\w,\]] )[A-Z][^\W\d]*", email(row)):
            known = word in source or word == "Support" or f"] {word}" in email(row)
            assert known, (word, email(row))


def test_an_invention_is_not_in_the_ticket_but_in_the_email(made: Made) -> None:
    kinds = Counter()
    for truth, row in made.of("ungrounded"):
        stated = truth.detail["stated"]
        assert stated in email(row)
        first = re.findall(r"\d+|[^\W\d]+$", stated)[0]
        assert not re.search(rf"(?<![^\W_]){first}(?![^\W_])", ticket(row)), (stated, ticket(row))
        kinds[truth.kind] += 1
    assert set(kinds) == {"date", "amount", "number", "id", "name"}
    assert min(kinds.values()) >= 10


def test_copies_repeat_an_earlier_line(made: Made) -> None:
    order = {(row.file, row.line): at for at, row in enumerate(made.truth.rows)}
    originals = []
    for truth, row in made.of("exact_copy", "near_copy"):
        at = truth.copy_of["file"], truth.copy_of["line"]
        original = json.loads(made.lines[at])
        assert order[at] < order[truth.file, truth.line]
        assert made.truth.rows[order[at]].reason == "clean"
        originals.append(at)
        if truth.reason == "exact_copy":
            assert row["messages"] == original["messages"]
        else:
            assert ticket(row).split() != ticket(original).split()
            similar = jaccard(
                grams(ticket(row), email(row)), grams(ticket(original), email(original))
            )
            assert similar >= 0.85
    assert len(set(originals)) == len(originals)


def test_leaks_repeat_heldout_rows(made: Made) -> None:
    kinds = Counter()
    for truth, row in made.of("leak"):
        assert truth.copy_of["file"] == "heldout.jsonl"
        original = made.heldout[truth.copy_of["line"] - 1]
        same = row["messages"] == original["messages"]
        assert same == (truth.kind == "exact")
        similar = jaccard(grams(ticket(row), email(row)), grams(ticket(original), email(original)))
        assert similar >= 0.85
        assert row["conversation"] != original["conversation"]
        kinds[truth.kind] += 1
    assert min(kinds["exact"], kinds["near"]) >= 8


def similar_pairs(rows: list[dict], floor: float) -> dict[tuple[int, int], float]:
    """All pairs with at least this Jaccard, exactly, by an index of 3-grams."""
    sets = [grams(ticket(row), email(row)) for row in rows]
    holders: dict[str, list[int]] = defaultdict(list)
    for at, mine in enumerate(sets):
        for gram in mine:
            holders[gram].append(at)
    found = {}
    for at, mine in enumerate(sets):
        # A pair above the floor shares a gram that few others have; common ones tell nothing.
        rare = Counter(
            other
            for gram in mine
            if len(holders[gram]) <= 60
            for other in holders[gram]
            if other > at
        )
        for other in rare:
            similar = jaccard(mine, sets[other])
            if similar >= floor:
                found[at, other] = similar
    return found


def test_clean_rows_are_distinct_but_for_the_decoys(made: Made) -> None:
    clean = made.of("clean")
    at = {(truth.file, truth.line): number for number, (truth, _) in enumerate(clean)}
    decoys = {
        tuple(sorted((number, at[truth.copy_of["file"], truth.copy_of["line"]])))
        for number, (truth, _) in enumerate(clean)
        if truth.kind == "decoy"
    }
    found = similar_pairs([row for _, row in clean], 0.4)
    assert set(found) <= decoys
    assert max(found.values()) < 0.79
    assert sum(similar > 0.7 for similar in found.values()) >= 3, "no near miss among decoys"


def test_heldout_rows_are_distinct_and_share_no_name_with_the_tickets(made: Made) -> None:
    assert len(made.heldout) >= 60
    assert not similar_pairs(made.heldout, 0.4)
    mine = vocabulary("tickets")
    names = {*mine.first_names, *mine.last_names, *(item.name for item in mine.products)}
    for row in made.heldout:
        assert not any(re.search(rf"\b{name}\b", ticket(row) + email(row)) for name in names)
        assert row["problem"] not in {item.name for item in mine.problems}
    theirs = vocabulary("heldout")
    for truth, row in made.readable():
        if truth.reason != "leak":
            assert row["product"] not in {item.name for item in theirs.products}
            assert row["problem"] not in {item.name for item in theirs.problems}


def test_lengths_are_short_but_where_planted(made: Made) -> None:
    for truth, row in made.readable():
        if truth.reason == "too_long":
            assert len(email(row).split()) > 1000
        elif truth.reason == "too_short":
            assert pieces(email(row)) < 38
        else:
            assert 46 <= pieces(email(row)) <= 110, (truth, email(row))


def test_markers_stand_only_where_planted(made: Made) -> None:
    for truth, row in made.readable():
        if truth.reason == "marker":
            assert truth.detail["phrase"] in email(row)
        else:
            assert not re.search(r"\bI\b|\bAI\b|language model|verify", email(row)), email(row)
    assert len({truth.kind for truth, _ in made.of("marker")}) >= 8


def test_secrets_stand_only_where_planted(made: Made) -> None:
    kinds = set()
    for truth, row in made.readable():
        found = find_secrets(ticket(row) + "\n" + email(row))
        assert bool(found) == (truth.reason == "secret"), (truth, found)
        kinds |= {secret.kind for secret in found}
    assert len(kinds) >= 6


def test_the_source_holds_no_text_that_looks_like_a_secret() -> None:
    folder = Path(support_email.__file__).parent
    sources = [*folder.glob("*.py"), *folder.glob("words/*.txt")]
    assert len(sources) >= 9
    for path in sources:
        assert not find_secrets(path.read_text("utf-8")), path


def test_ingest_refuses_the_bad_lines_and_no_other(made: Made) -> None:
    expected = {
        "broken_json": "bad_json",
        "truncated": "bad_json",
        "wrong_role": "wrong_shape",
        "no_messages": "wrong_shape",
        "empty_answer": "empty_message",
        "duplicate_key": "duplicate_key",
        "content_not_text": "wrong_shape",
        "no_answer": "no_answer",
        "not_an_object": "wrong_shape",
        "not_utf8": "not_utf8",
    }
    truth = {f"{row.file}:{row.line}": row for row in made.truth.rows}
    seen = Counter()
    for line in read_files(gather(["tickets-*.jsonl"], made.folder)):
        row = truth.pop(line.source)
        read = read_item(line, Reading("human", "conversation"))
        reason = read.reason if isinstance(read, Dropped) else None
        if row.reason == "bad_line":
            assert reason == expected[row.kind], (row, read)
            seen[row.kind] += 1
        else:
            assert reason == ("secret" if row.reason == "secret" else None), (row, read)
    assert not truth
    assert set(seen) == set(expected)


def test_reference_examples_are_good_rows_of_their_own(made: Made) -> None:
    path = Path(__file__).parents[2] / "recipes/support_email/reference.jsonl"
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    assert len(rows) >= 5
    generated = {ticket(row) for _, row in made.readable()} | {ticket(row) for row in made.heldout}
    for row in rows:
        assert row["messages"][0]["content"] == SYSTEM_PROMPT
        assert re.fullmatch(FORMAT, email(row))
        assert ticket(row) not in generated
        for number in re.findall(r"\d+", email(row)):
            assert re.search(rf"(?<!\d){number}(?!\d)", ticket(row)), email(row)
