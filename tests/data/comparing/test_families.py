"""Families of copies inside clusters of rows that may only share a template."""

import pytest

from tests.made_rows import chat
from tunesmith.data.comparing import families as module
from tunesmith.data.comparing.families import Families
from tunesmith.data.comparing.near_duplicates import Clusters
from tunesmith.data.comparing.sketches import Collection, sketch

TEMPLATE = " ".join(f"word{number}" for number in range(150)) + ".\n"


def asking(*questions):
    """Rows of one long template, whose answers take up the question."""
    return [
        chat(f"{TEMPLATE}{question}", f"On {question} there is this.", source=f"f:{line}")
        for line, question in enumerate(questions, 1)
    ]


def families_of(rows):
    collection = Collection([], [])
    collection.add(map(sketch, rows))
    clusters = Clusters(collection.texts, 0.8)
    assert len(set(clusters.numbers)) == 1
    found = Families(collection, clusters, 0.8)
    return found, found.divide(range(len(rows)))


@pytest.fixture(params=[module.FEW, 2])
def few(request, monkeypatch):
    """Compare all rows of a cluster, or look most of them up."""
    monkeypatch.setattr(module, "FEW", request.param)
    return request.param


def test_rows_of_one_template_are_families_by_what_they_ask(few):
    found, families = families_of(
        asking("brass lamps", "iron gates", "brass lamps!", "silk scarves", "the iron gates")
    )
    assert families == [[0, 2], [1, 4], [3]]
    assert list(found.firsts) == [0, 1, 0, 3, 1]
    assert found.same_questions == []


def test_another_answer_to_one_question_is_told(few):
    one, other = asking("brass lamps"), asking("brass lamps")
    other = [
        chat(other[0].messages[0].content, "Nobody sells those anywhere but brass lamps remain.")
    ]
    found, families = families_of([*one, *other])
    assert families == [[0], [1]]
    assert found.same_questions == [(1, 0)]


def test_thousands_of_rows_of_one_template_are_not_all_compared(monkeypatch):
    monkeypatch.setattr(module, "FEW", 2)
    calls = []
    judge = module.difference

    def counted(*pair):
        calls.append(pair)
        return judge(*pair)

    monkeypatch.setattr(module, "difference", counted)
    rows = asking(*(f"thing{chr(97 + n % 26)}{chr(97 + n // 26)}" for n in range(400)))
    copy = chat(rows[300].messages[0].content.upper(), rows[300].answer)
    _, families = families_of([*rows, copy])
    assert [family for family in families if len(family) > 1] == [[300, 400]]
    assert len(calls) <= 401 * (module._COMPARED + module._ALWAYS)


def test_a_word_that_most_rows_hold_is_not_looked_up(monkeypatch):
    monkeypatch.setattr(module, "FEW", 2)
    monkeypatch.setattr(module, "_COMMON", 3)
    # Stamps make each text another, and all of them copies of the first.
    rows = [chat(f"{TEMPLATE}Send it. Stamp s{n}.", "Sent.") for n in range(60)]
    _, families = families_of(rows)
    assert families == [list(range(60))]


def test_families_touch_where_they_hold_copies_of_one_another(few):
    found, families = families_of(asking("brass lamps", "iron gates", "silk scarves"))
    # Of many rows it is not known, and so taken for granted.
    assert found.touching == (set() if few > 2 else {0, 1, 2})
    words = TEMPLATE.split()[:40]
    chain = [
        chat(" ".join(f"{word}x" if at in places else word for at, word in enumerate(words)), "So.")
        for places in [(4,), (28,), ()]
    ]
    found, families = families_of(chain)
    assert families == [[0, 2], [1]]
    assert found.touching == {0, 1}


def test_a_chain_of_copies_is_followed_and_a_template_is_not(few):
    rows = asking("brass lamps", "iron gates", "brass lamps!", "silk scarves")
    found, families = families_of(rows)
    assert dict(found.linked(families, [2])) == {0: 2}
