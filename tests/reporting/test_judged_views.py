"""Where a judge's verdict is missing, no view takes it for a zero."""

from dataclasses import replace

from tests.reporting.made_retrain import build, recipe
from tests.reporting.test_curve import SIZES, TESTS, curve
from tunesmith.artifacts import Scores
from tunesmith.learning_curve import Curve
from tunesmith.pipeline import Candidate
from tunesmith.records import Score
from tunesmith.reporting.curve import draw
from tunesmith.store import Store


def rescored(store: Store, made: Candidate, name: str, change) -> Candidate:
    rows = [found for row in store.rows(made.scores, Score) if (found := change(row)) is not None]
    ref = build(store, "evaluate", Scores, lambda d: d.seal_rows(Scores, rows), name)
    return made.model_copy(update={"scores": ref})


def test_a_row_without_a_verdict_at_one_size_is_in_no_size_of_the_curve(store: Store) -> None:
    whole = curve(store, (60, 150, 176, 180, 181))

    def silent(row: Score) -> Score:
        values: dict[str, float | None] = {"grounding": None}
        few = int(row.row_id) < 40
        return Score(row_id=row.row_id, group_id=row.group_id, values=values) if few else row

    def left(row: Score) -> Score | None:
        return None if int(row.row_id) < 40 else row

    def changed(change, places: tuple[int, ...], name: str) -> Curve:
        points = [
            point.model_copy(update={"measured": rescored(store, point.measured, f"{name} {at}",
                                                          change)})
            if at in places else point
            for at, point in enumerate(whole.points)
        ]  # fmt: skip
        return whole.model_copy(update={"points": tuple(points)})

    everywhere = tuple(range(len(SIZES)))
    gap = draw(recipe(), store, changed(silent, (2,), "gap"))
    without = draw(recipe(), store, changed(left, everywhere, "without"))
    assert gap.bend is not None and gap.figures[2].n == TESTS - 40
    assert replace(gap, figures=without.figures) == without
