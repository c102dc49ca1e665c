"""Exported rows and their provenance, which stands in a file of its own, line by line.

`rows.jsonl` has it in `rows.provenance.jsonl`, as `tunesmith export` writes the two: line N of one
belongs to line N of the other.
"""

from collections.abc import Iterable, Iterator

from tunesmith.data.readers.items import Bad, Item, Line

PROVENANCE_SUFFIX = ".provenance.jsonl"
_SUFFIX = ".jsonl"


def provenance_name(name: str) -> str | None:
    """Return what the provenance of a file would be called; None where a file can have none."""
    if not name.endswith(_SUFFIX) or name.endswith(PROVENANCE_SUFFIX):
        return None
    return name.removesuffix(_SUFFIX) + PROVENANCE_SUFFIX


def rows_name(name: str) -> str | None:
    """Return what the rows that a provenance belongs to would be called; None where it is none."""
    if not name.endswith(PROVENANCE_SUFFIX):
        return None
    return name.removesuffix(PROVENANCE_SUFFIX) + _SUFFIX


def row_files(names: Iterable[str]) -> list[str]:
    """Return the names of files with rows: all but the provenance of others among them."""
    known = set(names)
    return [name for name in names if rows_name(name) not in known]


def paired(rows: Iterable[Item], provenance: Iterable[Item], where: str) -> Iterator[Item]:
    """Yield the lines of a file, each with its provenance; both are read to their ends.

    Args:
        rows: The lines with the rows, in order.
        provenance: The lines of the file beside it, in order.
        where: The name of the file with the rows.
    """
    beside = iter(provenance)
    next_one = next(beside, None)
    for item in rows:
        number = _number(item)
        while next_one is not None and _number(next_one) < number:
            yield _alone(next_one, where)
            next_one = next(beside, None)
        found = b""
        if next_one is not None and _number(next_one) == number:
            found = _content(next_one)
            next_one = next(beside, None)
        yield item._replace(provenance=found) if isinstance(item, Line) else item
    while next_one is not None:
        yield _alone(next_one, where)
        next_one = next(beside, None)


def _number(item: Item) -> int:
    return int(item.source.rsplit(":", 1)[1])


def _content(item: Item) -> bytes:
    return item.content or b""


def _alone(item: Item, where: str) -> Bad:
    number = _number(item)
    return Bad(
        item.source, "bad_provenance", f"{where} has no line {number}, to which it would belong",
        _content(item),
    )  # fmt: skip
