"""The data as people see it: drift only against another training set, and every warning."""

import dataclasses
from pathlib import Path
from types import SimpleNamespace

from tests.made_rows import chat
from tests.reporting.made_retrain import build, make
from tunesmith.artifacts import Examples, Mixture
from tunesmith.data.surveys.look import surveys
from tunesmith.reporting.data_view import data_view, flagged, mixture_rows, prepared_text
from tunesmith.stage import Params, Stage


class NoParams(Params):
    pass


SURVEYS = {name: survey.document() for name, survey in surveys().items()}


def mixture(store, train, name, sketch):
    found = {**SURVEYS, "identities": {"sketch": sketch}}
    document = {
        "rows": 9, "replay_share": 0.0, "sources": [], "warnings": [], "surveys": found,
        "tokens": {"kept": {}, "dropped": {}, "mixture": 0},
    }  # fmt: skip
    return build(store, "mix", Mixture, lambda d: d.seal_json(Mixture, "mixture.json", document, train=train), name)  # fmt: skip


def view(made, ours, champion):
    result = made.result
    return data_view(made.store, result.data, result.split, ours, champion)


def test_drift_is_against_the_champions_training_set_if_it_can_be_read(store):
    made = make(store)
    train = made.result.mixture.train
    ours = mixture(store, train, "ours", ["a", "b"])
    theirs = mixture(store, train, "theirs", ["b", "c", "d"])
    champion = made.started.champion
    assert champion is not None and view(made, ours, champion).drift is None
    trained = champion.model_copy(update={"mixture": theirs})
    found = view(made, ours, trained)
    assert found.drift is not None
    assert found.drift["figures"]["share_trained_on_before"] == 0.5
    assert any("67% of the rows of the last training set" in text for text in found.warnings)
    assert view(made, ours, None).drift is None
    assert view(made, ours, champion.model_copy(update={"mixture": ours})).drift is None
    store.storage.delete(f"mixture/{theirs.digest}/manifest.json")
    assert view(made, ours, trained).drift is None


def test_warnings_of_every_part_are_told_and_how_to_look(store):
    made = make(store)
    found = view(made, made.result.mixture, None)
    text = prepared_text(found, made.result.mixture, Path("my recipe.yaml"))
    told = [*found.split["warnings"], *found.mixture["warnings"]]
    assert f"{len(told)} warnings:\n" + "\n".join(f"- {words}" for words in told) in text
    assert "  tunesmith inspect 'my recipe.yaml' --set KEY=VALUE  " in text
    assert f"tunesmith show {made.result.mixture.train.short}" in text
    quiet = dataclasses.replace(found, split={**found.split, "warnings": []}, mixture={**found.mixture, "warnings": []})  # fmt: skip
    assert "No warnings." in prepared_text(quiet, made.result.mixture, Path("r.yaml"))


def test_every_drop_and_every_flag_stands_beside_what_came_in_and_is_kept(store):
    made = make(store)
    found = dataclasses.replace(view(made, made.result.mixture, None), flags={"personal": 3})
    text = prepared_text(found, made.result.mixture, Path("r.yaml"))
    table = [line.split() for line in text.split("\n\n")[0].splitlines()[1:]]
    steps = found.funnel
    assert table[0][:4] == ["rows", "in", str(steps[0].rows_in), "100.0%"]
    dropped = {line[3]: int(line[4]) for line in table if line[0] == "dropped"}
    assert dropped == {name: rows for step in steps for name, rows in step.dropped.items()}
    kept, flag = table[-2:]
    assert kept[:3] == ["rows", "kept", str(steps[-1].kept)]
    assert int(kept[4].replace(",", "")) == steps[-1].tokens_kept
    assert flag == ["of", "them", "flagged:", "personal", "3", "0.6%"]
    worst = max(dropped, key=lambda name: dropped[name])
    assert f"tunesmith inspect r.yaml {worst} -n 20" in text
    assert "tunesmith inspect r.yaml personal -n 20" in text


def test_flags_are_counted_over_all_sides(store):
    def side(name, *flags):
        rows = [chat(f"{name} {n}", "a", flags=one) for n, one in enumerate(flags)]
        body = lambda params, draft: draft.count_in(len(rows)) or draft.seal_examples(rows)  # noqa: E731
        return store.build(Stage(name, 1, Examples, body), NoParams())

    parts = {
        "train": side("train", ("a",), (), ("a", "b")),
        "validation": side("validation", ("b",), ("b",)),
        "test": side("test", (), ("c",)),
    }
    assert flagged(store, SimpleNamespace(**parts)) == {"b": 3, "a": 2, "c": 1}


def test_the_mixture_is_listed_by_file_with_its_share_of_the_tokens(store):
    made = make(store)
    first, second = mixture_rows(view(made, made.result.mixture, None).mixture)
    assert (first["rows"], first["repeated"], first["share"]) == (230, 30, "92.0%")
    assert (second["part"], second["share"]) == ("replay", "8.0%")
