import random
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tunesmith.data.comparing import near_duplicates, signed_texts
from tunesmith.data.comparing.minhash import PERMUTATIONS, signatures
from tunesmith.data.comparing.near_duplicates import cluster, matches, similarity
from tunesmith.data.normal_text import normalise

Pairs = dict[tuple[int, int], Fraction]

# Few words, so that near copies, chains and exact copies of all kinds turn up by chance.
short_texts = st.lists(
    st.lists(st.sampled_from(["red", "green", "blue", "Red", "one"]), max_size=8).map(" ".join),
    max_size=24,
)
thresholds = st.sampled_from([0.5, 0.6, 0.75, 0.8, 0.95, 1.0])


def words_of(text: str) -> list[str]:
    return re.findall(r"\w+", unicodedata.normalize("NFKC", text).lower())


def shingles_of(text: str) -> set[tuple[str, ...]]:
    words = words_of(text)
    return {tuple(words[at : at + 3]) for at in range(max(len(words) - 2, 1))}


def all_pairs(texts: Sequence[str], against: Sequence[str]) -> Pairs:
    """Return the exact similarity of all pairs that have any shingle in common."""
    sets, other_sets = [list(map(shingles_of, each)) for each in (texts, against)]
    holders = defaultdict(list)
    for number, shingles in enumerate(other_sets):
        for shingle in shingles:
            holders[shingle].append(number)
    found = {}
    for number, shingles in enumerate(sets):
        shared = Counter(other for shingle in shingles for other in holders[shingle])
        for other, count in shared.items():
            union = len(shingles) + len(other_sets[other]) - count
            found[number, other] = Fraction(count, union)
    return found


def components(size: int, links: Sequence[tuple[int, int]]) -> list[int]:
    groups = {number: {number} for number in range(size)}
    for one, other in links:
        if groups[one] is not groups[other]:
            groups[one] |= groups[other]
            groups.update(dict.fromkeys(groups[other], groups[one]))
    return [min(groups[number]) for number in range(size)]


def partition(labels: Sequence[int], texts: Sequence[str]) -> Counter[frozenset[str]]:
    members = defaultdict(set)
    for label, text in zip(labels, texts, strict=True):
        members[label].add(text)
    return Counter(frozenset(each) for each in members.values())


def planted(rng: random.Random, count: int) -> list[str]:
    """Documents of 5 to 90 words, copies with every share of edits, and one common template."""
    vocabulary = [f"w{number}" for number in range(3000)]

    def edited(words: list[str], share: float) -> list[str]:
        return [rng.choice(vocabulary) if rng.random() < share else word for word in words]

    documents = [rng.choices(vocabulary, k=rng.randint(5, 90)) for _ in range(count // 2)]
    copies = [edited(rng.choice(documents), rng.uniform(0, 0.15)) for _ in range(count // 3)]
    template = rng.choices(vocabulary, k=60)
    letters = [edited(template, rng.uniform(0, 0.15)) for _ in range(count // 6)]
    texts = [" ".join(words) for words in documents + copies + letters]
    rng.shuffle(texts)
    return texts


def overlapping(shared: int, only_one: int) -> tuple[str, str]:
    """Two texts of different words whose similarity is shared / (shared + only_one)."""
    words = [f"n{number}" for number in range(shared + only_one + 2)]
    return " ".join(words[: shared + 2]), " ".join(words)


@pytest.fixture(scope="module")
def corpus() -> tuple[list[str], Pairs]:
    texts = planted(random.Random(20), 2400)
    return texts, all_pairs(texts, texts)


@pytest.mark.parametrize("threshold", [0.5, 0.6, 0.7, 0.8, 0.9, 0.95])
def test_finds_what_an_exact_join_of_all_pairs_finds(
    corpus: tuple[list[str], Pairs], threshold: float
) -> None:
    texts, pairs = corpus
    exact = Fraction(str(threshold))
    links = [pair for pair, value in pairs.items() if pair[0] < pair[1] and value >= exact]
    assert len(links) > 200
    labels = cluster(texts, threshold)
    found = sum(labels[one] == labels[other] for one, other in links)
    assert found >= 0.995 * len(links)
    # Precision 1: no cluster reaches beyond what true links connect.
    truth = components(len(texts), links)
    assert len(set(zip(labels, truth, strict=True))) == len(set(labels))


@pytest.mark.parametrize("threshold", [0.5, 0.8, 0.95])
def test_matches_are_the_nearest_of_an_exact_join(threshold: float) -> None:
    texts = planted(random.Random(21), 1500)
    texts, against = texts[:1000], texts[1000:] + texts[:20]
    nearest: dict[int, tuple[Fraction, int]] = {}
    for (one, other), value in all_pairs(texts, against).items():
        if value >= Fraction(str(threshold)):
            nearest[one] = max(nearest.get(one, (value, -other)), (value, -other))
    expected = {one: -negative for one, (_, negative) in nearest.items()}
    found = {
        one: other
        for one, other in enumerate(matches(texts, against, threshold))
        if other is not None
    }
    assert len(expected) > 80
    assert all(similarity(texts[one], against[other]) >= threshold for one, other in found.items())
    assert sum(found.get(one) == other for one, other in expected.items()) >= 0.995 * len(expected)


@pytest.mark.parametrize(
    ("threshold", "shared", "only_one", "is_copy"),
    [
        (0.5, 50, 50, True),
        (0.5, 49, 50, False),
        (0.8, 4, 1, True),
        (0.8, 80, 20, True),
        (0.8, 79, 20, False),
        (0.9, 90, 10, True),
        (0.9, 89, 10, False),
        (0.95, 95, 5, True),
        (0.95, 94, 5, False),
        (1.0, 300, 0, True),
        (1.0, 300, 1, False),
    ],
)
def test_the_threshold_itself_counts_and_nothing_below_it(
    threshold: float, shared: int, only_one: int, is_copy: bool
) -> None:
    one, other = overlapping(shared, only_one)
    assert similarity(one, other) == shared / (shared + only_one)
    assert cluster([one, other], threshold) == ([0, 0] if is_copy else [0, 1])
    assert matches([one], [other], threshold) == ([0] if is_copy else [None])


@pytest.mark.parametrize(("shared", "is_copy"), [(80, True), (79, False)])
def test_many_candidates_of_one_text_are_judged_as_exactly(shared: int, is_copy: bool) -> None:
    """Forty extensions of one text by 20 words each, only similar enough to the text itself."""
    text = " ".join(f"n{number}" for number in range(shared + 2))
    longer = [f"{text} " + " ".join(f"{each}x{at}" for at in range(20)) for each in range(40)]
    assert similarity(longer[0], longer[1]) < 0.8
    assert cluster([*longer, text], 0.8) == ([0] * 41 if is_copy else list(range(41)))
    assert matches([text], longer, 0.8) == [0 if is_copy else None]


def test_repeated_shingles_count_once() -> None:
    body = " ".join(f"n{number}" for number in range(60))
    texts = [body + " so" * repeats for repeats in range(4, 64)]
    assert cluster(texts, 1.0) == [0] * 60
    assert matches(texts, texts[::-1], 1.0) == [0] * 60


def test_clusters_are_numbered_by_first_member() -> None:
    assert cluster(["b b", "a", "B b!", "c", "a"], 0.8) == [0, 1, 0, 2, 1]


def test_a_chain_joins_texts_that_alone_are_too_different() -> None:
    words = [f"n{number}" for number in range(66)]
    first, middle, last = (" ".join(words[start : start + 52]) for start in (0, 5, 10))
    assert similarity(first, middle) > 0.8 > similarity(first, last)
    assert cluster([first, last], 0.8) == [0, 1]
    assert cluster([first, last, middle], 0.8) == [0, 0, 0]


def test_no_texts() -> None:
    assert cluster([], 0.8) == []
    assert matches([], ["a"], 0.8) == []
    assert matches(["a", ""], [], 0.8) == [None, None]


@pytest.mark.parametrize("threshold", [0.49, 1.01])
def test_a_threshold_out_of_range_is_refused(threshold: float) -> None:
    with pytest.raises(ValueError, match="threshold"):
        cluster(["a"], threshold)
    with pytest.raises(ValueError, match="threshold"):
        matches(["a"], ["a"], threshold)


@settings(max_examples=60, deadline=None)
@given(short_texts, thresholds, st.randoms(use_true_random=False))
def test_clusters_do_not_depend_on_order(
    texts: list[str], threshold: float, rng: random.Random
) -> None:
    shuffled = rng.sample(texts, len(texts))
    labels = cluster(shuffled, threshold)
    assert partition(labels, shuffled) == partition(cluster(texts, threshold), texts)
    assert [*dict.fromkeys(labels)] == list(range(len(set(labels))))


@settings(max_examples=60, deadline=None)
@given(short_texts, thresholds)
def test_one_text_per_cluster_leaves_nothing_to_join(texts: list[str], threshold: float) -> None:
    labels = cluster(texts, threshold)
    kept = [texts[labels.index(label)] for label in sorted(set(labels))]
    assert cluster(kept, threshold) == list(range(len(kept)))


@settings(max_examples=60, deadline=None)
@given(short_texts, short_texts, thresholds)
def test_more_texts_never_part_a_cluster(
    texts: list[str], more: list[str], threshold: float
) -> None:
    before, after = cluster(texts, threshold), cluster(texts + more, threshold)
    assert len(set(zip(before, after[: len(texts)], strict=True))) == len(set(before))


@settings(max_examples=60, deadline=None)
@given(short_texts, short_texts, thresholds)
def test_matches_are_near_copies_and_equal_texts_always_match(
    texts: list[str], against: list[str], threshold: float
) -> None:
    normal = [normalise(text) for text in against]
    for text, match in zip(texts, matches(texts, against, threshold), strict=True):
        if match is not None:
            assert similarity(text, against[match]) >= threshold
        if normalise(text) in normal:
            assert match is not None
            assert match <= normal.index(normalise(text))
            assert similarity(text, against[match]) == 1.0


def test_the_first_of_equally_near_texts_matches() -> None:
    one, longer = overlapping(90, 10)
    near = one + " x"
    assert matches([one], [longer, near, near.upper(), longer], 0.8) == [1]
    assert matches([one], [near, one.title(), one], 0.8) == [1]
    # Equal sets of shingles in texts that are not equal.
    assert matches(["a b c a b c a b"], ["z", "a b c a b", "a b c a b c a b"], 0.8) == [1]


@given(st.text())
def test_normalising_twice_changes_nothing(text: str) -> None:
    assert normalise(normalise(text)) == normalise(text)


@given(st.text(st.characters(max_codepoint=127)).filter(lambda text: re.search(r"\w", text)))
def test_plain_text_is_normalised_like_any_other(text: str) -> None:
    assert normalise(text) == " ".join(words_of(text))
    assert normalise(text + " é") == normalise(text) + " é"


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("Dear  Ms. O'Neill,\n\tthanks!", "dear ms o neill thanks"),
        ("ｆｕｌｌ ｗｉｄｔｈ １２", "full width 12"),
        ("ﬁne oﬃce", "FINE OFFICE"),
        ("cafe\u0301", "CAF\u00c9"),
        ("T\u0308", "\u1e97"),  # composes in lower case only
        ("\u1d2c", "a"),  # a capital only in its compatibility form
        ("ΟΔΟΣ", "οδος"),
        ("price: 5", "price 5"),
        ("", " \n\u3000"),
        ("👍 👍", "👍\t👍"),
    ],
)
def test_the_same_text(text: str, same: str) -> None:
    assert normalise(text) == normalise(same)
    assert cluster([text, same], 1.0) == [0, 0]


@pytest.mark.parametrize(
    ("text", "different"),
    [
        ("", "a"),
        ("", "👍"),
        ("👍", "👎"),
        ("!", "?"),
        ("yes", "no"),
        ("thank you", "thank you very"),
        ("one two three", "three two one"),
        ("invoice 17", "invoice 18"),
        ("ticket 4711 is closed", "ticket 4712 is closed"),
        ("3.14", "314"),
        ("straße", "strasse"),
        ("\ud800", "\ud801"),
        ("crème", "creme"),
    ],
)
def test_not_the_same_text(text: str, different: str) -> None:
    assert cluster([text, different], 0.5) == [0, 1]
    assert matches([text], [different], 0.5) == [None]
    assert cluster([text, different, text], 0.5) == [0, 1, 0]


def test_digits_count_like_words() -> None:
    body = " ".join(f"n{number}" for number in range(60))
    assert cluster([f"order 123 {body}", f"order 124 {body}"], 0.8) == [0, 0]
    assert cluster([f"order 123 {body}", f"order 124 {body}"], 0.98) == [0, 1]


def test_a_very_long_text() -> None:
    rng = random.Random(3)
    long = " ".join(rng.choices([f"w{number}" for number in range(9000)], k=120_000))
    other = " ".join(rng.choices([f"w{number}" for number in range(9000)], k=120_000))
    texts = [long, "short text here", other, long.replace("w17 ", "x "), "a" * 600_000]
    assert cluster(texts, 0.95) == [0, 1, 2, 0, 3]


def test_a_text_cut_into_pieces_keeps_its_signature(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signed_texts, "_CHUNK_BYTES", 30)
    monkeypatch.setattr(signed_texts, "_PIECE_WORDS", 5)
    texts = [" ".join(f"n{number}" for number in range(size)) for size in range(3, 80)]
    pieces = near_duplicates._Corpus(texts, PERMUTATIONS).signatures
    assert np.array_equal(pieces, signatures([text.encode() for text in texts], PERMUTATIONS))


@pytest.mark.parametrize(("chunk", "piece"), [(1, 1), (150, 7)])
def test_batches_change_nothing(monkeypatch: pytest.MonkeyPatch, chunk: int, piece: int) -> None:
    texts = planted(random.Random(5), 72)
    expected = cluster(texts, 0.6), matches(texts[:30], texts[30:], 0.6)
    assert len(set(expected[0])) < 60
    assert len(set(expected[1])) > 5
    monkeypatch.setattr(signed_texts, "_CHUNK_BYTES", chunk)
    monkeypatch.setattr(signed_texts, "_PIECE_WORDS", piece)
    monkeypatch.setattr(near_duplicates, "_PAIRS", 3)
    monkeypatch.setattr(near_duplicates, "_HELD_SHINGLES", 100)
    monkeypatch.setattr(near_duplicates, "_HELD_MARKS", 100)
    monkeypatch.setattr(near_duplicates, "_LARGE_BUCKET", 4)
    monkeypatch.setattr(near_duplicates, "_MANY", 2)
    monkeypatch.setattr(near_duplicates, "_MARK_BITS", 4)
    assert (cluster(texts, 0.6), matches(texts[:30], texts[30:], 0.6)) == expected


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Count the pairs that meet, and the exact comparisons."""
    count: Counter[str] = Counter()
    compare = near_duplicates._Comparison.similarity
    choose = near_duplicates._Comparison.candidates

    def counted(self, one, other):
        count["exact"] += 1
        return compare(self, one, other)

    def chosen(self, left, right, band):
        count["pairs"] += len(left)
        return choose(self, left, right, band)

    monkeypatch.setattr(near_duplicates._Comparison, "similarity", counted)
    monkeypatch.setattr(near_duplicates._Comparison, "candidates", chosen)
    return count


def test_thousands_of_equal_texts_are_never_compared(work: Counter[str]) -> None:
    text = "the very same text once more"
    assert cluster([text, "another one altogether now"] * 5000, 0.8) == [0, 1] * 5000
    assert work["exact"] == 0
    assert matches([text] * 5000, [text.upper()] * 5000, 0.8) == [0] * 5000
    assert work["exact"] == 1


@pytest.mark.parametrize("count", [25, 3000])
def test_mutual_copies_cost_one_comparison_each(work: Counter[str], count: int) -> None:
    body = " ".join(f"n{number}" for number in range(60))
    assert set(cluster([f"{body} {number}" for number in range(count)], 0.9)) == {0}
    assert work["exact"] == count - 1
    assert work["pairs"] <= max(300, 2 * count)


def test_texts_of_one_template_are_told_apart_without_comparing_all(work: Counter[str]) -> None:
    rng = random.Random(8)
    template = " ".join(f"n{number}" for number in range(200))
    texts = [f"{template} " + " ".join(f"x{rng.random()}" for _ in range(14)) for _ in range(300)]
    assert 0.7 < similarity(texts[0], texts[1]) < 0.79
    assert len(set(cluster(texts, 0.8))) == 300
    assert work["pairs"] > 30_000
    assert work["exact"] < 3_000
