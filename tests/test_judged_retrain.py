"""A whole retrain that a judge decides, on a server that does all that servers do."""

import json
import re
import shutil
from pathlib import Path

import pytest
import yaml

from tests.scripted_upstream import fails, says, serving, stalls
from tests.tiny_model import tiny_rows
from tunesmith import pipeline, publishing, recipe, retrains
from tunesmith.artifacts import Scores
from tunesmith.commands import evaluating, judging
from tunesmith.data.identity import chat_id
from tunesmith.data.source_files import gather
from tunesmith.errors import InputError, RecipeError, Transient, Unready
from tunesmith.records import Message, Score
from tunesmith.reporting import judge_view
from tunesmith.retrains import StoreRunner
from tunesmith.settings import Settings
from tunesmith.stages.ingest import IngestParams, SourceParams, ingest

RECIPES = Path(__file__).parents[1] / "recipes"
RUBRIC = {
    "name": "notes",
    "absolute": "Rate it. Order: {input} Note: {answer}",
    "pairwise": "Choose. Order: {input} One: {answer_a} Other: {answer_b}",
}
SOON = {"retry_after_ms": "1"}
ORDER = re.compile(r"(\w+) wants (\d+) (\w+)\.")


class Unreliable:
    """A judge that rates notes 4 or 5 and letters 2 or 3, and in between is down or out of its mind.

    It never makes sense of lamps, and refuses letters about chairs.
    """

    def __init__(self):
        self.asked = 0

    @staticmethod
    def score(name, count, item, answer):
        right = f"Subject: {item} for {name}\nCount: {count}" in answer
        return 4 + len(item) % 2 if right else 2 + int(count) % 2

    def __call__(self, handler, body):
        asked = body["messages"][-1]["content"]
        name, count, item = ORDER.search(asked).groups()
        self.asked += 1
        trouble = {5: fails(503, **SOON), 9: fails(429, **SOON), 17: says('{"score"')}
        if self.asked == 13:
            stalls(handler, body)
        elif step := trouble.get(self.asked % 40):
            step(handler, body)
        elif item == "lamps":
            says("What a lovely lamp.")(handler, body)
        elif item == "chairs" and "Dear" in asked:
            fails(400, "too many tokens")(handler, body)
        elif "Rate it." in asked:
            score = self.score(name, count, item, asked)
            says(json.dumps({"reason": "r", "score": score}))(handler, body)
        elif "Choose." in asked:
            better = "A" if asked.index("Subject:") < asked.index("Dear") else "B"
            says(json.dumps({"reason": "kinder", "better": better}))(handler, body)
        else:
            claim = {"said": count, "verdict": "supported", "quote": count}
            says(json.dumps({"claims": [claim]}))(handler, body)


def written(root, tiny_base, url, model="judge-1", **evaluate):
    shutil.copytree(RECIPES / "tiny", root / "tiny")
    shutil.copytree(tiny_base, root / "tiny/base")
    (root / "rubric.yaml").write_text(yaml.safe_dump(RUBRIC))
    fields = yaml.safe_load((RECIPES / "tiny.yaml").read_text())
    fields["probe"] = None
    fields |= {
        "split": {"test": 0.4},
        "predict": {**fields["predict"], "sample": 120},
        "prompt_baseline": {"shots": [0]},
        "package": {"merged": False},
        "evaluate": {"metrics": ["format", "rubric"], "primary": "rubric", **evaluate},
        "judge": {
            "endpoint": {
                "base_url": url, "model": model, "total_seconds": 3, "retries": {"attempts": 8}
            },
            "rubric": "rubric.yaml", "repeats": 1,
        },
    }  # fmt: skip
    (root / "tiny.yaml").write_text(yaml.safe_dump(fields))
    return root / "tiny.yaml"


def retrain(path):
    settings = Settings(home=path.parent / "home")
    loaded, store = recipe.load(path), settings.store()
    runner = StoreRunner(loaded, store, ())
    return store, pipeline.retrain(loaded, retrains.sources(loaded, settings), None, runner)


@pytest.fixture(scope="module")
def judged(tiny_base, tmp_path_factory):
    """The path of the recipe, the store, the result, and the judge."""
    judge = Unreliable()
    with serving(judge) as server:
        path = written(tmp_path_factory.mktemp("judged"), tiny_base, server.url)
        store, result = retrain(path)
        before = len(server.requests)
        again = retrain(path)[1]
        assert again == result and len(server.requests) == before, "something was asked again"
        yield path, store, result, judge


def values(store, made):
    return {row.row_id: row.values["rubric"] for row in store.rows(made.scores, Score)}


def test_a_judge_decides_and_what_it_did_not_say_is_no_zero(judged):
    _, store, result, _ = judged
    found = {name: values(store, made) for name, made in result.measured.items()}
    assert {value for of in found.values() for value in of.values()} == {None, 0.25, 0.5, 0.75, 1.0}
    assert {made.scores.judged_by for made in result.measured.values()} == {("small-1 (schema)",)}
    document = store.json(result.verdict, "verdict.json")
    assert (result.outcome, document["decision"]) == ("promote", "promote")
    (item,) = (one for one in document["criteria"]
               if (one["against"], one["where"]) == ("base", "test"))  # fmt: skip
    ours, theirs = found["candidate test"], found["base test"]
    whole = [row for row in ours if None not in (ours[row], theirs[row])]
    assert item["n"] == len(whole) < len(ours)
    assert item["missing"] == len(ours) - len(whole)
    assert item["candidate"] == pytest.approx(sum(ours[row] for row in whole) / len(whole))
    assert {"broken reply: no JSON object", "refused: HTTP 400"} <= item["missing_why"].keys()
    told = f"{item['missing']} of {len(ours)} pairs are without a verdict of the judge ("
    assert told in document["reasons"][0]


def test_what_needs_no_judge_is_measured_without_one(judged):
    _, store, result, _ = judged
    scores = list(store.rows(result.measured["base test"].scores, Score))
    assert {row.values["format"] for row in scores} <= {0.0, 1.0}
    records = [record for record in store.all_records("evaluate")]
    assert all("rubric" not in row.values
               for record in records
               for row in store.rows(Scores.model_validate(record["output"]), Score))  # fmt: skip


@pytest.mark.parametrize(
    ("step", "error", "match"),
    [
        (fails(503, **SOON), Transient, "0 of 120 answers are kept; run the same command again"),
        (fails(429, **SOON), Transient, "0 of 120 answers are kept"),
        (stalls, Transient, "0 of 120 answers are kept"),
        (says("Nice."), Unready, "gave no usable verdict on any of 120 answers; the first: broken"),
    ],
    ids=["fails", "rate-limits", "stalls", "rubbish"],
)
def test_a_judge_that_never_answers_is_no_verdict(judged, step, error, match):
    path, store, _, _ = judged
    verdicts = len(list(store.all_records("gate")))
    fields = yaml.safe_load(path.read_text())
    with serving(step) as server:
        fields["judge"]["endpoint"] |= {
            "base_url": server.url, "total_seconds": 0.2 if step is stalls else 10,
            "retries": {"attempts": 2},
        }  # fmt: skip
        other = path.with_name("down.yaml")
        other.write_text(yaml.safe_dump(fields))
        with pytest.raises(error, match=match):
            retrain(other)
    assert len(list(store.all_records("gate"))) == verdicts


# Against people


def labelled(path, store, change=lambda score: score):
    """Draw 60 answers and label them as the judge would, changed."""
    out = path.parent / f"labels-{len(list(path.parent.glob('labels-*')))}.jsonl"
    settings = Settings(home=path.parent / "home")
    assert "60 answers. Set score, consistent or both" in judging.draw(path, settings, 60, out)
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    for line in lines:
        order = ORDER.search(line["input"]).groups()
        line["score"] = change(Unreliable.score(*order, line["answer"]))
    out.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return out, lines, settings


def another(path):
    """A file with the recipe's judge, but for the longest reply."""
    file = path.with_name("judge.yaml")
    fields = yaml.safe_load(path.read_text())["judge"]
    file.write_text(yaml.safe_dump({**fields, "max_tokens": 99}))
    return file


def test_a_judge_is_held_against_people_and_the_verdict_says_so(judged):
    path, store, result, _ = judged
    assert judge_view.judges(store, result) == {
        "rubric": "rubric was measured by the judge judge-1, which was never held against people: "
        "label 50 answers, then `tunesmith judge RECIPE LABELS`"
    }
    wrong, lines, settings = labelled(path, store, lambda score: 6 - score)
    assert {line["answer"].startswith("Subject") for line in lines} == {True, False}
    assert all(line.keys() == {"input", "answer", "reference", "score", "consistent"}
               for line in lines)  # fmt: skip
    told = judging.hold(path, settings, wrong)
    assert "not to be trusted yet: quadratic-weighted kappa -" in told
    (said,) = judge_view.judges(store, result).values()
    assert "which is not to be trusted yet: quadratic-weighted kappa -" in said
    right, _, settings = labelled(path, store)
    judging.hold(path, settings, right, another(path))
    assert judge_view.judges(store, result) == {"rubric": said}, (
        "labels of another judge count for this one"
    )
    told = judging.hold(path, settings, right)
    assert "quadratic-weighted kappa 1.00 [1.00, 1.00]" in told and told.endswith("\ntrusted")
    assert "  judge \\ people     1     2     3     4     5\n" in told
    (said,) = judge_view.judges(store, result).values()
    assert said.startswith("rubric was measured by the judge judge-1; against people on 5")
    assert said in publishing.reasons(store, result, None)
    scores = result.measured["candidate golden"].scores
    assert judge_view.measured_by(store, scores, "rubric").startswith("judge 2: small-1 ")
    assert judge_view.measured_by(store, scores, "format").startswith("evaluate ")


# Pairs


def test_pairs_are_proposed_and_ingest_drops_them_until_a_person_has_reviewed(judged):
    path, _, result, _ = judged
    root, settings = path.parent, Settings(home=path.parent / "home")
    (root / "more.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in tiny_rows(12, 99)))
    out = root / "pairs.jsonl"
    told = evaluating.report(
        path, settings, "base", str(root / "more.jsonl"), None,
        f"candidate-{result.adapter.digest}", out,
    )  # fmt: skip
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert f"{out}: {len(lines)} pairs to review" in told and len(lines) > 5
    assert out.stat().st_mode & 0o777 == 0o600
    assert all(line["chosen"].startswith("Subject:") for line in lines)
    assert all(line["rejected"].startswith("Dear") for line in lines)
    assert {(line["origin"], line["reviewed_by"], line["proposed_by"]) for line in lines} == {
        ("model", None, "judge-1")
    }
    source = SourceParams(path="pairs.jsonl", origin="human")  # which the rows know better
    with pytest.raises(
        InputError, match="12 of 12 rows were written by a model and reviewed by nobody"
    ):
        list(ingest(IngestParams(sources=(source,)), gather(["pairs.jsonl"], root)))
    lines[0]["reviewed_by"] = "anna"
    out.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    first, *rest = ingest(IngestParams(sources=(source,)), gather(["pairs.jsonl"], root))
    assert (first.origin, first.reviewed_by) == ("model", "anna")
    assert first.group_id == chat_id([Message(**turn) for turn in lines[0]["prompt"]])
    assert {row.reason for row in rest} == {"unreviewed_model_output"}
    with pytest.raises(InputError, match="is there already, perhaps reviewed"):
        evaluating.report(
            path, settings, "base", str(root / "more.jsonl"), None, "base", out
        )  # fmt: skip


@pytest.mark.parametrize("where", ["test", "golden"])
def test_pairs_of_rows_that_never_train_are_not_proposed(judged, where):
    path, *_ = judged
    settings = Settings(home=path.parent / "home")
    with pytest.raises(RecipeError, match=f"rows of {where} never enter training"):
        evaluating.report(path, settings, "base", where, None, "base", path.parent / "no.jsonl")
