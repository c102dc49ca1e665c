"""The data as people see it: drift only against another training set, and every warning."""

import dataclasses

from tests.reporting.made_retrain import build, make
from tunesmith.artifacts import Mixture
from tunesmith.data.surveys.look import surveys
from tunesmith.reporting.data_view import data_view, mixture_rows, prepared_text

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
    text = prepared_text(found, made.result.split, made.result.mixture)
    for words in (*found.split["warnings"], *found.mixture["warnings"]):
        assert f"warning: {words}" in text
    assert f"tunesmith show {made.result.mixture.train.short}" in text
    quiet = dataclasses.replace(found, split={**found.split, "warnings": []}, mixture={**found.mixture, "warnings": []})  # fmt: skip
    assert "no warnings" in prepared_text(quiet, made.result.split, made.result.mixture)


def test_the_mixture_is_listed_by_file_with_its_share_of_the_tokens(store):
    made = make(store)
    first, second = mixture_rows(view(made, made.result.mixture, None).mixture)
    assert (first["rows"], first["repeated"], first["share"]) == (230, 30, "92.0%")
    assert (second["part"], second["share"]) == ("replay", "8.0%")
