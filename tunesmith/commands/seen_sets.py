"""What to know about a set before a figure on it is believed: who saw it before.

The test and golden sets are fenced from training, but they wear out with every look. A file of the
user's own is not fenced: its rows may be what the model was trained on.
"""

from collections.abc import Iterator
from itertools import islice

from tunesmith.artifacts import Adapter, Examples
from tunesmith.commands.evaluated import Evaluation
from tunesmith.records import Example
from tunesmith.reporting.looks import told, wear_of, without_passages
from tunesmith.stages.dedup import DedupParams
from tunesmith.store import Store
from tunesmith.wording import counted

_SHOWN = 3


def seen(store: Store, made: Evaluation, copies: DedupParams) -> Iterator[str]:
    """Say how far a set is worn by looks, or how much of a file the model was trained on.

    Args:
        store: The store.
        made: What was evaluated.
        copies: What counts as a near copy, and as an overlap.
    """
    if made.where in ("test", "golden"):
        worn = wear_of(store, {made.where: made.examples.digest})
        yield from (told(name, found) for name, found in worn.items())
    elif made.model.adapter is not None:
        yield from _trained_on(store, made, made.model.adapter, copies)


def _trained_on(
    store: Store, made: Evaluation, adapter: Adapter, copies: DedupParams
) -> Iterator[str]:
    """Hold the rows of a file, as a fence, against those that an adapter was trained on."""
    from tunesmith.data.comparing.fence import leaks

    training = _training_rows(store, adapter)
    if training is None:
        yield (
            f"warning: nothing says what {made.model.name} was trained on, so it may have been "
            f"these rows; restore records/train in {store.url} from a backup"
        )
        return
    # Rows are compared as they were before passages were put into their prompts.
    plain = without_passages(store)
    rows, asked = (plain.get(ref.digest, ref) for ref in (training, made.examples))
    trained = store.rows(rows, Example)
    fenced = list(store.rows(asked, Example))
    found = {
        leak.source: f"{row.source}: {leak}"
        for row, leak in leaks(trained, fenced, copies.threshold, copies.overlap)
    }
    if not found:
        return
    shown = [*islice(found.values(), _SHOWN)]
    more = [f"and {len(found) - len(shown)} more"] if len(found) > len(shown) else []
    yield (
        f"warning: {made.model.name} was trained on {len(found):,} of the "
        f"{counted(len(fenced), 'row')} of {made.where}, or on rows too near to them "
        f"({'; '.join([*shown, *more])}). Its figures tell what it remembers; take these rows out"
    )


def _training_rows(store: Store, adapter: Adapter) -> Examples | None:
    """Return what an adapter was trained on; None where no record of its training is left."""
    for record in store.all_records("train"):
        if record["output"]["digest"] == adapter.digest:
            return Examples.model_validate(record["refs"][0])
    return None
