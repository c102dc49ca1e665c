"""Tables and values as people read them: in Markdown, in a terminal, in Prefect's UI.

Values may come from anybody: a model's name, a drop's reason, a host. In Markdown they are
therefore written so that no renderer takes any of them for markup.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from tunesmith.data.funnel import Step
from tunesmith.wording import share_of

Cell = str | int | float
TableRow = dict[str, Cell]

# What CommonMark or GitHub's extensions (tables, strikethrough, bare addresses) or a renderer of
# formulas may take for structure: anywhere, inside addresses, and at the start of a block.
_MARKUP = re.compile(r"[\\`*_\[\]<>&|~#!$@{}]|:(?=//)|(?<=www)\.|^[-+=]", re.IGNORECASE)
_FIGURE = re.compile(r"(?:[-+−<]?[\d,.]+%?)?")
_LIST_NUMBER = re.compile(r"^(\d+)([.)])(?=\s|$)")


def escape(value: object) -> str:
    """Return a value as Markdown text that renders as itself, on one line.

    What might be markup becomes a numeric character reference, which CommonMark never takes for
    structure (section 2.5 of the specification).
    """
    text = _MARKUP.sub(lambda found: f"&#{ord(found[0])};", one_line(value))
    return _LIST_NUMBER.sub(lambda found: f"{found[1]}&#{ord(found[2])};", text)


def one_line(value: object) -> str:
    """Return a value as text without line breaks, control or direction characters."""
    text = " ".join(str(value).split())
    # Cc: control, Cf: format, such as the marks that turn the direction of what follows; Cs: halves
    # of surrogate pairs, which have no UTF-8 form.
    return "".join(char for char in text if unicodedata.category(char) not in ("Cc", "Cf", "Cs"))


def markdown_table(rows: Sequence[Mapping[str, Cell]]) -> str:
    """Return rows as a Markdown table; the first row names the columns, numbers align right."""
    if not rows:
        return ""
    names = list(rows[0])
    rule = ["--:" if isinstance(rows[0][name], int | float) else ":--" for name in names]
    lines = [[escape(name) for name in names], rule]
    lines += [[escape(_number(row[name])) for name in names] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def text_table(rows: Sequence[Mapping[str, Cell]]) -> str:
    """Return rows as aligned plain text; the first row names the columns, numbers align right."""
    if not rows:
        return ""
    names = list(rows[0])
    table = [names, *([one_line(_number(row[name])) for name in names] for row in rows)]
    columns = list(zip(*table, strict=True))
    widths = [max(map(len, column)) for column in columns]
    right = [all(_FIGURE.fullmatch(cell) for cell in column[1:]) for column in columns]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if figure else cell.ljust(width)
            for cell, width, figure in zip(line, widths, right, strict=True)
        ).rstrip()
        for line in table
    )


def _number(cell: Cell) -> str:
    return f"{cell:,}" if isinstance(cell, int) else str(cell)


def funnel_rows(steps: Sequence[Step]) -> list[TableRow]:
    """Return the funnel as a table: a line for each reason, then the total a stage kept.

    `share` is of the rows that came into the first stage; tokens stand where they were counted.
    """
    whole = steps[0].rows_in if steps else 0
    rows: list[TableRow] = []
    for step in steps:
        dropped = sorted(step.dropped.items(), key=lambda item: (-item[1], item[0]))
        tokens = step.tokens_dropped or {}
        lines = [("came in", step.rows_in, step.tokens_in)]
        lines += [(f"dropped: {reason}", count, tokens.get(reason)) for reason, count in dropped]
        lines.append(("kept", step.kept, step.tokens_kept))
        for what, count, held in lines:
            row: TableRow = {"stage": step.stage, "what": what, "rows": count}
            if step.tokens_in is not None:
                row["tokens"] = held or 0
            rows.append({**row, "share": share_of(count, whole)})
    return rows


def seconds(value: float) -> str:
    """Return a duration in the two units that matter."""
    if value < 10:
        return f"{value:.2f} s"
    if value < 59.5:
        return f"{value:.0f} s"
    whole = round(value)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def fact(name: str, value: Any) -> str:
    """Return a fact from a record as a person reads it; shares between 0 and 1 as per cent."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        if name.endswith("share") and 0 <= value <= 1:
            return f"{value:.2%}"
        return f"{value:.4g}"
    return one_line(value)


def flat_facts(notes: Mapping[str, Any], at: str = "") -> dict[str, str]:
    """Return nested facts as one level of readable names and values; lists as their length."""
    facts: dict[str, str] = {}
    for name, value in notes.items():
        label = f"{at}{name.replace('_', ' ')}"
        if isinstance(value, Mapping):
            facts.update(flat_facts(value, f"{label}: "))
        elif isinstance(value, list | tuple):
            facts[label] = f"{len(value):,} entries"
        else:
            facts[label] = fact(name, value)
    return facts
