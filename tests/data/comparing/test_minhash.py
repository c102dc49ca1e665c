import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tunesmith.data.comparing import minhash
from tunesmith.data.comparing.minhash import PERMUTATIONS, band_keys, banding, signatures

TEXTS = [
    "",
    "one",
    "one two",
    "one two three",
    "a a a a a a",
    "straße crème 東京 ١٢٣ end",
    "\ud800 lone surrogate",
    " ".join(str(number) for number in range(500)),
]
PINNED = "c12a1f7a7e5f4c9899295b07eb46df079ea55d7b3a1bec1525d2424676ee585b"
encoded = st.lists(st.text("ab é", max_size=30).map(lambda text: " ".join(text.split()).encode()))


def by_definition(text: bytes, permutations: int) -> list[int]:
    """Follow the docstring of `signatures` in whole numbers, one shingle at a time."""
    words = text.split(b" ")
    spans = [b" ".join(words[start : start + 3]) for start in range(max(len(words) - 2, 1))]
    hashes = []
    for span in spans:
        value = sum(
            int(minhash.TABLE[byte]) * int(minhash.BASE) ** place for place, byte in enumerate(span)
        )
        value = (value + 0x9E3779B97F4A7C15) % 2**64
        value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9 % 2**64
        value = (value ^ value >> 27) * 0x94D049BB133111EB % 2**64
        hashes.append((value ^ value >> 31) >> 32)
    pairs = list(zip(minhash.MULTIPLIERS.tolist(), minhash.OFFSETS.tolist(), strict=True))
    return [min((a * x + b) % 2**32 for x in hashes) for a, b in pairs[:permutations]]


def test_signatures_follow_their_definition() -> None:
    pieces = [text.encode("utf-8", "surrogatepass") for text in TEXTS]
    expected = [by_definition(piece, PERMUTATIONS) for piece in pieces]
    assert signatures(pieces, PERMUTATIONS).tolist() == expected


@settings(max_examples=50, deadline=None)
@given(encoded.filter(bool))
def test_a_signature_does_not_depend_on_its_neighbours(pieces: list[bytes]) -> None:
    together = signatures(pieces, 16)
    alone = np.concatenate([signatures([piece], 16) for piece in pieces])
    assert np.array_equal(together, alone)
    assert together.tolist() == [by_definition(piece, 16) for piece in pieces]


def test_signatures_are_the_same_for_good() -> None:
    """An index made by one release must be readable by the next: a change here breaks it."""
    pieces = [text.encode("utf-8", "surrogatepass") for text in TEXTS]
    values = np.ascontiguousarray(signatures(pieces, PERMUTATIONS), dtype="<u4")
    assert hashlib.sha256(values.tobytes()).hexdigest() == PINNED


def test_the_share_of_equal_values_estimates_the_similarity_without_bias() -> None:
    random = np.random.default_rng(11)
    length, pieces, true = 100, [], []
    for kept in random.integers(12, 90, size=400).tolist():
        words = [f"w{number}" for number in random.integers(0, 2**40, size=2 * length)]
        pieces.append(" ".join(words[:length]).encode())
        pieces.append(" ".join(words[:kept] + words[length : 2 * length - kept]).encode())
        true.append((kept - 2) / (2 * (length - 2) - (kept - 2)))
    values, similar = signatures(pieces, PERMUTATIONS), np.array(true)
    estimates = (values[::2] == values[1::2]).mean(axis=1)
    deviations = (estimates - similar) / np.sqrt(similar * (1 - similar) / PERMUTATIONS)
    # 400 independent standard deviates: four standard errors of their mean and of their spread.
    assert abs(np.mean(deviations)) < 4 / 400**0.5
    assert abs(np.std(deviations) - 1) < 4 / 800**0.5


@pytest.mark.parametrize(
    ("threshold", "expected"),
    [(0.5, (42, 3)), (0.7, (32, 4)), (0.8, (21, 6)), (0.9, (14, 9)), (1.0, (1, 128))],
)
def test_bands_are_chosen_from_the_threshold(threshold: float, expected: tuple[int, int]) -> None:
    assert banding(threshold) == expected


@given(st.floats(0.5, 1.0))
def test_bands_propose_nearly_all_pairs_at_every_threshold(threshold: float) -> None:
    bands, rows = banding(threshold)
    assert bands * rows <= PERMUTATIONS
    assert 1 - (1 - threshold**rows) ** bands >= 0.995


@pytest.mark.parametrize("threshold", [0.0, 0.49, 1.01, 80, float("nan")])
def test_a_threshold_out_of_range_is_refused(threshold: float) -> None:
    with pytest.raises(ValueError, match=r"expected 0\.5 to 1\.0"):
        banding(threshold)


def test_band_keys_are_equal_exactly_where_the_band_is() -> None:
    values = np.array([[1, 2, 3, 4], [1, 2, 9, 9], [2, 1, 3, 4]], dtype=np.uint32)
    first, second = band_keys(values, 0, 2), band_keys(values, 1, 2)
    assert first[0] == first[1] != first[2]
    assert second[0] == second[2] != second[1]
