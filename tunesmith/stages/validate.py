"""Check rows against expectations on derived columns.

Reads `Examples`, writes the rows that meet every expectation in the same order; the others are
dropped with the expectation's reason. What an expectation may look at is listed in
`tunesmith.data.columns`.

The suite is made from the recipe: the expectations it states, those that follow from its other
parameters, and the defaults that it does not replace. Only the columns, some hundred bytes a row,
are ever in memory together.
"""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from pydantic import Field, field_validator

from tunesmith.artifacts import Examples
from tunesmith.canonical import canonical
from tunesmith.data.columns import COLUMNS, table
from tunesmith.data.expectations import failures
from tunesmith.records import Dropped, Example
from tunesmith.stage import Params, Stage
from tunesmith.store.draft import Draft

if TYPE_CHECKING:
    import pandas as pd


class ExpectationParams(Params):
    """One expectation on one column, in Great Expectations' own terms."""

    type: str = Field(
        pattern=r"^expect_column_values_to_[a-z_]+$",
        description="Name of an expectation on column values.",
    )
    kwargs: dict[str, Any] = Field(description="Its arguments; `column` is a derived column.")
    reason: str = Field(
        "", pattern=r"^[a-z_]*$", description="Reason code of a dropped row; the column by default."
    )

    @field_validator("kwargs")
    @classmethod
    def _known_column(cls, kwargs: dict[str, Any]) -> dict[str, Any]:
        if kwargs.get("column") not in COLUMNS:
            raise ValueError(
                f"column is {kwargs.get('column')!r}; expected one of {', '.join(COLUMNS)}"
            )
        try:
            canonical(kwargs)
        except TypeError as error:
            raise ValueError(f"arguments must be JSON values: {error}") from error
        return kwargs

    @property
    def plain(self) -> dict[str, Any]:
        """As plain values, with the reason filled in."""
        reason = self.reason or self.kwargs["column"]
        return {"type": self.type, "kwargs": self.kwargs, "reason": reason}


def _between(column: str, low: float | None, high: float | None) -> ExpectationParams:
    limits = {"min_value": low, "max_value": high}
    kwargs = {name: value for name, value in limits.items() if value is not None}
    return ExpectationParams(
        type="expect_column_values_to_be_between", kwargs={"column": column, **kwargs}, reason=""
    )


def _equal(column: str, value: bool) -> ExpectationParams:
    return ExpectationParams(
        type="expect_column_values_to_be_in_set",
        kwargs={"column": column, "value_set": [value]},
        reason="",
    )


DEFAULTS = (
    _between("prompt_words", 1, 100_000),
    _between("answer_words", 1, 10_000),
    _equal("roles_alternate", True),
    _equal("answer_repeats_prompt", False),
    _between("control_characters", None, 0),
    _between("replacement_characters", None, 0),
    _between("repeated_line_share", None, 0.5),
)


class ValidateParams(Params):
    """What every row must meet."""

    labels: tuple[str, ...] = Field(
        (), description="Labels that a labelled text may have; any if none is named."
    )
    expectations: tuple[ExpectationParams, ...] = Field(
        DEFAULTS,
        description=(
            "Expectations, or a JSON file with a list of them. They come before the defaults; one "
            "of the same type on the same column takes a default's place."
        ),
    )

    @field_validator("expectations")
    @classmethod
    def _each_once_then_the_defaults(
        cls, given: tuple[ExpectationParams, ...]
    ) -> tuple[ExpectationParams, ...]:
        for number, item in enumerate(given):
            if any(
                item.type == other.type and item.kwargs == other.kwargs for other in given[:number]
            ):
                raise ValueError(f"{item.type} on {item.kwargs['column']!r} stands twice")
        placed = {(item.type, item.kwargs["column"]) for item in given}
        rest = (item for item in DEFAULTS if (item.type, item.kwargs["column"]) not in placed)
        return (*given, *rest)

    @property
    def suite(self) -> list[dict[str, Any]]:
        """Every expectation, as plain values in the order of their precedence."""
        asked = list(self.expectations)
        if self.labels:
            kwargs = {"column": "label", "value_set": list(self.labels)}
            kind = "expect_column_values_to_be_in_set"
            asked.append(ExpectationParams(type=kind, kwargs=kwargs, reason="unknown_label"))
        return [item.plain for item in asked]


def validate(
    rows: Iterable[Example], columns: "pd.DataFrame", params: ValidateParams
) -> Iterator[Example | Dropped]:
    """Pass each row on, or mark it dropped for the first expectation that it breaks.

    Args:
        rows: As many as `columns` has lines, in the same order.
        columns: What `tunesmith.data.columns.table` gives for the rows.
        params: The expectations.
    """
    found: dict[int, tuple[str, str]] = {}
    for failure in failures(columns, params.suite):
        found.setdefault(failure.row, (failure.reason, failure.detail))
    for index, row in enumerate(rows):
        if index in found:
            reason, detail = found[index]
            yield Dropped(source=row.source, reason=reason, detail=detail, row=row)
        else:
            yield row


def _write(params: ValidateParams, draft: Draft, source: Examples) -> Examples:
    import pandas as pd

    tables = list(draft.survey(source, table))
    columns = pd.concat(tables, ignore_index=True) if tables else table([])
    return draft.seal_examples(validate(draft.rows(source), columns, params))


STAGE = Stage("validate", version=3, produces=Examples, body=_write)
