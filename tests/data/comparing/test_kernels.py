"""The compiled loops give, bit for bit, what the plain code gives."""

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tunesmith.data.comparing import signed_texts
from tunesmith.data.comparing.minhash import PERMUTATIONS
from tunesmith.data.comparing.near_duplicates import Clusters, Known, cluster, matches, similarity
from tunesmith.data.comparing.ngrams import KnownGrams
from tunesmith.data.comparing.signed_texts import SignedTexts
from tunesmith.data.normal_text import encode, normalise, simple_form

pytest.importorskip("numba", reason="the compiled loops need numba")

# Plain letters, and all that makes reading them hard: two to four bytes, forms of several words,
# marks that compose, a sigma, a lone surrogate, symbols alone.
CHARACTERS = "ab Z_9.\n é½℀İ—“Ωςσ東京١가🙂\u0301\u1100\u1161ﬁﷺ\ud800Σ"
texts = st.lists(
    st.text(st.sampled_from(CHARACTERS), max_size=25) | st.text(max_size=8), max_size=20
)


@pytest.fixture
def compiled(monkeypatch):
    """Choose the loops for the next calls."""

    def choose(yes):
        monkeypatch.setattr(signed_texts._Seen, "texts", 0)
        monkeypatch.setattr(signed_texts, "COMPILED_FROM", 0 if yes else 10**9)

    return choose


def both(choose, work):
    found = []
    for yes in (False, True):
        choose(yes)
        assert (signed_texts.kernels() is not None) == yes
        found.append(work())
    return found


def signed(some):
    made = SignedTexts(some, PERMUTATIONS)
    return made.signatures.tolist(), made.firsts.tolist(), made.numbers.tolist()


def test_signatures_are_equal_for_any_texts(compiled):
    @settings(max_examples=300, deadline=None)
    @given(texts)
    def check(some):
        plain, fast = both(compiled, lambda: signed(some))
        assert plain == fast

    check()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "...",
        "one two",
        " ".join(f"n{number}" for number in range(5000)),
        "w" * 3000 + " " + "é" * 3000 + " end of it",
        "½ " * 2000,
    ],
)
def test_signatures_of_odd_texts_are_equal(compiled, text):
    plain, fast = both(compiled, lambda: signed([text, "between", text + " x y", text]))
    assert plain == fast
    assert plain[2] == [0, 1, 2, 0]


def test_clusters_and_matches_are_equal(compiled):
    rng = random.Random(4)
    words = [f"w{number}é" if number % 9 == 0 else f"w{number}" for number in range(500)]
    originals = [rng.choices(words, k=rng.randint(1, 60)) for _ in range(300)]
    copies = [
        [rng.choice(words) if rng.random() < 0.05 else word for word in rng.choice(originals)]
        for _ in range(300)
    ]
    some = [" ".join(each) for each in originals + copies]

    def work():
        near = Clusters(some, 0.7)
        values = [near.similarity(at, at + 300) for at in range(300)]
        return cluster(some, 0.7), matches(some[:300], some[300:], 0.6), values

    plain, fast = both(compiled, work)
    assert plain == fast
    assert len(set(plain[0])) < 550


def test_exact_comparisons_are_equal_for_any_texts(compiled):
    words = st.lists(st.sampled_from(["a", "b", "c", "é"]), max_size=12).map(" ".join)

    @settings(max_examples=300, deadline=None)
    @given(words, words)
    def check(one, other):
        compiled(True)
        near = Clusters([one, other], 0.5)
        assert near.similarity(0, 1) == similarity(one, other)

    check()


def test_runs_of_words_are_found_alike(compiled):
    @settings(max_examples=200, deadline=None)
    @given(st.randoms(use_true_random=False))
    def check(rng):
        words = [f"w{number}" for number in range(40)] + ["é½", "ﷺ", "Σ"]
        known = [" ".join(rng.choices(words, k=rng.randint(0, 30))) for _ in range(4)]
        others = [
            " ".join([*rng.choices(words, k=5), *rng.choice(known).split()[rng.randint(0, 9) :]])
            for _ in range(6)
        ]
        plain, fast = both(compiled, lambda: KnownGrams(known, known, 0.3).held(others))
        assert plain == fast

    check()


def test_more_hits_than_there_was_room_for(compiled, monkeypatch):
    known = " ".join(f"n{number}" for number in range(60))
    monkeypatch.setattr("tunesmith.data.comparing.ngrams._FIRST_HITS", 3)
    compiled(True)
    assert [held.share for held in KnownGrams([known], ["g"], 0.5).held([known, "x", known])] == [
        1,
        1,
    ]


def test_a_character_alone_has_the_form_that_it_has_among_others():
    """Every simple form, beside letters and beside itself: none of them may need its neighbours."""
    for code in [*range(0x250, 0x900), *range(0x1E00, 0x2600, 3), *range(0xAC00, 0xD7A4, 97)]:
        form = simple_form(code)
        if form is None:
            continue
        text = f"a{chr(code)}b {chr(code)}{chr(code)} É{chr(code)}é"
        parts = "a%b %% é%é".encode().split(b"%")
        joined = form.join(parts)
        assert encode(normalise(text)).split() == joined.split()


def test_without_numba_nothing_is_compiled(monkeypatch):
    monkeypatch.setattr(signed_texts, "COMPILED_FROM", 0)
    monkeypatch.setattr(signed_texts, "_has_numba", lambda: False)
    assert signed_texts.kernels(5) is None
    assert np.array_equal(SignedTexts(["a b c"], 8).firsts, [0])


@pytest.mark.parametrize("count", [1, 5000])
def test_threads_change_nothing(compiled, monkeypatch, count):
    some = [f"text {number % 700} of many, number {number % 900}" for number in range(count)]
    compiled(True)
    expected = signed(some)
    monkeypatch.setattr(signed_texts, "_BATCH_TEXTS", 100)
    monkeypatch.setattr(signed_texts, "cores", lambda: 4)
    assert signed(some) == expected


def test_a_collection_may_be_empty():
    assert Known([], 0.8).nearest(["a"]) == [None]
    assert Clusters([], 0.8).numbers.tolist() == []
