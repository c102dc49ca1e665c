"""Reading a rollout page by page gives what reading it whole and row by row does."""

import math
from typing import get_args

import numpy as np

from tests.rollout.test_evidence import NOW, put
from tunesmith.rollout import columns
from tunesmith.rollout.columns import read_live
from tunesmith.rollout.endings import CLIENTS, FAILURES, Ending
from tunesmith.rollout.params import RECORDED, Guardrail

HOUR = 3_600_000
START = int(NOW.timestamp() * 1000)
UNTIL = START + 40 * HOUR
ENDINGS = get_args(Ending)
GUARDRAILS = {
    **{name: Guardrail(value=name, better="lower", margin=0.1) for name in sorted(RECORDED)},
    "rating": Guardrail(value="rating", better="higher", margin=0.1, window_hours=10),
    "closed": Guardrail(
        value="ticket_closed", better="higher", margin=0.1, window_hours=30, absent=0.0
    ),
}


def some(rng, values, none=0.3):
    return None if rng.random() < none else values[rng.integers(len(values))]


def row_of(rng, number):
    return {
        # Many come in the same millisecond, and their ids sort another way than they came.
        "id": f"{rng.integers(10**9):09}{number:04}", "at": START + int(rng.integers(50)) * HOUR,
        "recipe": "tiny", "rollout": some(rng, ["r", "other"], 0.0), "stage": int(rng.integers(5)),
        "assigned": some(rng, ["control", "treatment"], 0.0),
        "served": some(rng, ["control", "treatment"], 0.0), "model": "m",
        "unit": some(rng, ["", *(f"u{n}" for n in range(50))], 0.0), "key": "", "streamed": False,
        "ending": some(rng, ["answered", *ENDINGS], 0.0), "treatment_ending": some(rng, ENDINGS, 0.8),
        "status": 200, "attempts": 1, "seconds": 12 * float(rng.random()),
        "first_token_seconds": some(rng, [0.25, 0.5]), "prompt_tokens": some(rng, [10, 20]),
        "completion_tokens": some(rng, [5, 7]), "length": int(rng.integers(100)),
        "refusal": bool(rng.integers(2)), "finish_reason": "stop",
        "shadow_of": some(rng, ["", "", "", "i1"], 0.0),
    }  # fmt: skip


def value(guardrail, row, said):
    """What a request is worth, one by one."""
    own = row["ending"] == "answered" and row["treatment_ending"] is None
    stands_in = row["assigned"] == "treatment" and row["served"] == "control"
    if stands_in and row["treatment_ending"] is None:  # the lease was over
        return math.nan
    if guardrail.from_feedback:
        found = guardrail.absent
        for at, _, outcomes in sorted(said, key=lambda word: word[:2]):
            if (
                at <= UNTIL
                and at - row["at"] - int(1000 * row["seconds"]) <= guardrail.window_hours * HOUR
            ):
                found = outcomes.get(guardrail.value, found)
    elif guardrail.value == "error":
        found = None if row["ending"] in CLIENTS else float(row["ending"] in FAILURES)
        waited = row["first_token_seconds"] is None and row["seconds"] >= 10
        found = 1.0 if row["ending"] == "client_gone" and waited else found
        found = 1.0 if row["treatment_ending"] in FAILURES else found
    elif guardrail.value == "tokens":
        counts = row["prompt_tokens"], row["completion_tokens"]
        found = None if None in counts or row["treatment_ending"] else sum(counts)
    elif guardrail.value == "first_token_seconds":
        first = row["first_token_seconds"]
        found = (row["seconds"] if first is None else first) if own else None
    else:
        found = row[guardrail.value] if own else None
    return math.nan if found is None else float(found)


def test_pages_give_what_rows_do(database_url, monkeypatch):
    rng = np.random.default_rng(1)
    rows = [row_of(rng, number) for number in range(800)]
    said = [
        (row["id"], row["at"] + int(rng.integers(40)) * HOUR,
         {name: bool(rng.integers(2)) for name in ("rating", "ticket_closed", "x")
          if rng.integers(2)})
        for row in rows for _ in range(rng.integers(4))
    ]  # fmt: skip
    put(database_url, rows, said)
    monkeypatch.setattr(columns, "AT_ONCE", 40)
    found = read_live(database_url, "r", range(1, 4), GUARDRAILS, UNTIL)

    by_id = {}
    for number, (name, at, outcomes) in enumerate(said):
        by_id.setdefault(name, []).append((at, f"f{number:05}", outcomes))
    kept = sorted(
        (row for row in rows if row["rollout"] == "r" and 1 <= row["stage"] < 4 and row["unit"]
         and not row["shadow_of"] and row["at"] <= UNTIL),
        key=lambda row: (row["at"], row["id"]),
    )  # fmt: skip
    assert len(kept) > 100
    assert found.at.tolist() == [row["at"] for row in kept]
    assert found.stage.tolist() == [row["stage"] for row in kept]
    assert found.treated.tolist() == [row["assigned"] == "treatment" for row in kept]
    names = list(dict.fromkeys(row["unit"] for row in kept))
    assert [names[unit] for unit in found.unit] == [row["unit"] for row in kept]
    for name, guardrail in GUARDRAILS.items():
        plain = [value(guardrail, row, by_id.get(row["id"], [])) for row in kept]
        np.testing.assert_array_equal(found.values[name], plain, err_msg=name)
