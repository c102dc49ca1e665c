"""Great Expectations over derived columns: which rows break which expectation.

Great Expectations reports an expectation that raised as one that failed. Here that is an error
of whoever wrote it, not bad data.
"""

import contextlib
import logging
import os
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tunesmith.data.docs_pages import settle
from tunesmith.errors import RecipeError
from tunesmith.wording import counted

if TYPE_CHECKING:
    import pandas as pd


class Failure(NamedTuple):
    """One row that breaks one expectation."""

    row: int
    reason: str
    detail: str


def failures(table: "pd.DataFrame", expectations: Sequence[dict[str, Any]]) -> list[Failure]:
    """Check a table, a line for each row, against expectations `{"type", "kwargs", "reason"}`.

    Returns:
        Failures ordered by expectation, then row.

    Raises:
        RecipeError: when an expectation cannot be made, raised while it was checked, or does not
            say which rows break it.
    """
    if table.empty:
        return []
    with _quiet_context() as (gx, context):
        checked = _run(gx, context, table, expectations, actions=[])
        found = []
        for expectation, result in zip(expectations, checked, strict=True):
            _refuse_raised(expectation, result)
            unexpected = result["result"].get("unexpected_index_list")
            if not result["success"] and not unexpected:
                raise RecipeError(
                    f"validate.expectations: {expectation['type']} failed without saying which "
                    "rows break it; expected one that judges each row"
                )
            for item in unexpected or []:
                name = expectation["kwargs"]["column"]
                detail = _detail(expectation, item[name])
                found.append(Failure(int(item["row"]), expectation["reason"], detail))
    return found


def data_docs(table: "pd.DataFrame", expectations: Sequence[dict[str, Any]], folder: Path) -> Path:
    """Write the Data Docs site of a validation into a folder and return its index page."""
    with _quiet_context() as (gx, context):
        from great_expectations.checkpoint import UpdateDataDocsAction

        context.add_data_docs_site(
            "local",
            {
                "class_name": "SiteBuilder",
                "show_how_to_buttons": False,
                "store_backend": {
                    "class_name": "TupleFilesystemStoreBackend",
                    "base_directory": str(folder.absolute()),
                },
                "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
            },
        )
        action = UpdateDataDocsAction(name="docs", site_names=["local"])
        _run(gx, context, table, expectations, actions=[action])
    return settle(folder)


@contextlib.contextmanager
def _quiet_context() -> Iterator[tuple[Any, Any]]:
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its own dependencies' deprecations, not our rows
        import great_expectations as gx
        from great_expectations.data_context.types.base import ProgressBarsConfig

        # It sets this one to INFO itself, below what the others are told next.
        logging.getLogger("great_expectations.data_context.types.base").setLevel(logging.WARNING)
        level = logging.getLogger("great_expectations").level
        logging.getLogger("great_expectations").setLevel(logging.ERROR)
        try:
            context = gx.get_context(mode="ephemeral")
            context.enable_analytics(False)
            context.variables.progress_bars = ProgressBarsConfig(
                globally=False, metric_calculations=False
            )
            yield gx, context
        finally:
            logging.getLogger("great_expectations").setLevel(level)


def _run(
    gx: Any,
    context: Any,
    table: "pd.DataFrame",
    expectations: Sequence[dict[str, Any]],
    actions: list[Any],
) -> list[dict[str, Any]]:
    from great_expectations.exceptions import GreatExpectationsError
    from pydantic import ValidationError

    numbered = table.assign(row=range(len(table)))
    batch = (
        context.data_sources.add_pandas("examples")
        .add_dataframe_asset("derived columns")
        .add_batch_definition_whole_dataframe("all")
    )
    suite = context.suites.add(gx.ExpectationSuite("examples"))
    for number, expectation in enumerate(expectations):
        try:
            made = gx.expectations.core
            kind = getattr(made, _class_name(expectation["type"]))
            suite.add_expectation(
                kind(**expectation["kwargs"], meta={"reason": expectation["reason"]})
            )
        except (AttributeError, TypeError, ValueError, ValidationError) as error:
            raise RecipeError(
                f"validate.expectations[{number}]: {expectation['type']} cannot be made: {error}"
            ) from error
    try:
        definition = context.validation_definitions.add(
            gx.ValidationDefinition(name="examples", data=batch, suite=suite)
        )
        checkpoint = gx.Checkpoint(
            name="examples",
            validation_definitions=[definition],
            actions=actions,
            result_format={
                "result_format": "COMPLETE",
                "unexpected_index_column_names": ["row"],
                "return_unexpected_index_query": False,
            },
        )
        outcome = context.checkpoints.add(checkpoint).run(batch_parameters={"dataframe": numbered})
    except GreatExpectationsError as error:
        raise RecipeError(f"validate.expectations cannot be checked: {error}") from error
    (result,) = outcome.run_results.values()
    by_id = {item["expectation_config"]["id"]: item for item in result.to_json_dict()["results"]}
    return [by_id[item.id] for item in suite.expectations]


def _class_name(kind: str) -> str:
    """`expect_column_values_to_be_between` is the class `ExpectColumnValuesToBeBetween`."""
    return "".join(part.capitalize() for part in kind.split("_"))


def _refuse_raised(expectation: dict[str, Any], result: dict[str, Any]) -> None:
    info = result.get("exception_info") or {}
    raised = [info] if "raised_exception" in info else list(info.values())
    for item in raised:
        if item.get("raised_exception"):
            raise RecipeError(
                f"validate.expectations: {expectation['type']} on "
                f"{expectation['kwargs'].get('column')!r} raised instead of checking: "
                f"{item.get('exception_message')}. The data was not judged"
            )


_WORDS = {"min_value": "at least", "max_value": "at most", "value_set": "one of"}
_LISTED = 10
"""Values of a set that a message lists."""
_SHARES = ("repeated_line_share",)
_SAID: dict[str, Callable[[Any], str]] = {
    "messages": lambda value: f"the row has {counted(value, 'message')}",
    "user_turns": lambda value: f"{counted(value, 'message')} of the user",
    "system_chars": lambda value: f"the system prompt has {counted(value, 'character')}",
    "prompt_words": lambda value: f"the user's messages have {counted(value, 'word')}",
    "answer_chars": lambda value: f"the answer has {counted(value, 'character')}",
    "answer_words": lambda value: f"the answer has {counted(value, 'word')}",
    "control_characters": lambda value: f"{counted(value, 'control character')} in the text",
    "replacement_characters": lambda value: (
        f"{counted(value, 'character')} U+FFFD in the text, the trace of a wrong decoding"
    ),
    "repeated_line_share": lambda value: (
        f"{_limit('repeated_line_share', value)} of the answer's lines repeat an earlier one"
    ),
    "label": lambda value: "there is no label" if value is None else f"the label is {value!r}",
}
"""What the value of a derived column says about a row."""
_BROKEN = {
    ("roles_alternate", False): (
        "user and assistant do not take turns: after a system prompt, the user must speak first, "
        "and no two messages of one of them may follow each other"
    ),
    ("answer_repeats_prompt", True): "the answer is what the user wrote, word for word",
}
"""What a column of yes or no says where the wrong one stands."""


def _detail(expectation: Mapping[str, Any], value: Any) -> str:
    """Say what a row has and what was expected, in words where the column is one of ours."""
    column = expectation["kwargs"]["column"]
    limits = {name: limit for name, limit in expectation["kwargs"].items() if name != "column"}
    kind = expectation["type"].removeprefix("expect_column_values_to_").replace("_", " ")
    plain = kind in ("be between", "be in set") and limits.keys() <= _WORDS.keys()
    if plain and (column, value) in _BROKEN:
        return _BROKEN[column, value]
    if not plain:
        expected = f"to {kind} {limits or ''}".rstrip()
    elif "value_set" in limits:
        expected = f"one of {_listed(limits['value_set'])}"
    else:
        expected = ", ".join(
            f"{_WORDS[name]} {_limit(column, limit)}" for name, limit in limits.items()
        )
    found = _SAID[column](value) if plain and column in _SAID else f"{column} is {value}"
    return f"{found}; expected {expected}"


def _listed(values: Sequence[Any]) -> str:
    named = ", ".join(repr(value) for value in values[:_LISTED])
    more = len(values) - _LISTED
    return f"{named} and {more:,} more" if more > 0 else named


def _limit(column: str, value: Any) -> str:
    return f"{100 * value:.4g}%" if column in _SHARES else f"{value:,}"
