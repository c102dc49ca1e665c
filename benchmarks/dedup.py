"""Compare our near-duplicate clusters with datasketch's MinHash LSH at the same threshold.

    python benchmarks/dedup.py [--quick] [--documents N] [--texts FILE.jsonl] [--threshold T]

Without --texts the documents are made up: about 250 words each, drawn by Zipf's law. With it,
each line is a string, or an object with `text`, or with chat `messages`. Every round adds edited
copies of a fifth of the documents (words replaced, letter case, punctuation, sentences swapped)
and times both tools end to end, from strings to cluster numbers, in turns.

The truth is an exact all-pairs join. recall: share of the pairs of documents connected in truth
that are in one cluster. precision: share of the pairs in one cluster that are connected in
truth. Connected: joined by a chain of pairs at or above the threshold.
"""

import argparse
import json
import random
import re
import resource
import statistics
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate
from pathlib import Path

from tunesmith.data.near_duplicates import cluster, normalise

Clustering = Callable[[Sequence[str], float], list[int]]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="4,000 documents, 3 rounds")
    parser.add_argument("--documents", type=int, help="before copies are added (default 20,000)")
    parser.add_argument("--texts", type=Path, help="JSON lines to take the documents from")
    parser.add_argument("--threshold", type=float, default=0.8)
    options = parser.parse_args()

    count = options.documents or (4_000 if options.quick else 20_000)
    rng = random.Random(7)
    documents = read(options.texts)[:count] if options.texts else invent(count, rng)
    texts = with_copies(documents, rng)

    ours = cluster(texts, options.threshold)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20  # KiB on Linux
    tools: dict[str, Clustering] = {"tunesmith": cluster, "datasketch": peer_clusters}
    seconds = alternate(tools, texts, options.threshold, rounds=3 if options.quick else 5)

    truth = exact_clusters(texts, options.threshold)
    quality = {
        "tunesmith": agreement(ours, truth),
        "datasketch": agreement(peer_clusters(texts, options.threshold), truth),
    }
    words = sum(len(text.split()) for text in texts) / len(texts)
    print(f"{len(texts):,} texts of {words:.0f} words, threshold {options.threshold}")
    print(f"{'':12}{'seconds':>9}{'texts/s':>10}{'recall':>9}{'precision':>11}")
    for name, median in seconds.items():
        recall, precision = quality[name]
        print(f"{name:12}{median:9.2f}{len(texts) / median:10,.0f}{recall:9.4f}{precision:11.4f}")
    recall, precision = quality["tunesmith"]
    figures = {
        "ratio_datasketch": round(seconds["datasketch"] / seconds["tunesmith"], 2),
        "recall": round(recall, 5),
        "precision": round(precision, 5),
        "peak_gb": round(peak, 3),
    }
    print(json.dumps({"name": "dedup", "figures": figures}))


def alternate(
    tools: dict[str, Clustering], texts: list[str], threshold: float, rounds: int
) -> dict[str, float]:
    """Return the median seconds per tool over rounds in which each has its turn."""
    taken: dict[str, list[float]] = defaultdict(list)
    for _ in range(rounds):
        for name, tool in tools.items():
            start = time.perf_counter()
            tool(texts, threshold)
            taken[name].append(time.perf_counter() - start)
    return {name: statistics.median(each) for name, each in taken.items()}


def peer_clusters(texts: Sequence[str], threshold: float) -> list[int]:
    """Cluster with datasketch as its documentation does: signatures, insert, query."""
    from datasketch import MinHash, MinHashLSH  # here, so that our peak memory is ours alone

    shingles = (
        [" ".join(shingle).encode() for shingle in word_shingles(text.lower())] for text in texts
    )
    signatures = list(MinHash.generator(shingles, num_perm=128))
    index = MinHashLSH(threshold=threshold, num_perm=128)
    with index.insertion_session() as session:
        for number, signature in enumerate(signatures):
            session.insert(number, signature)
    links = (
        (number, int(other))
        for number, signature in enumerate(signatures)
        for other in index.query(signature)
    )
    return components(len(texts), links)


def word_shingles(text: str) -> set[tuple[str, ...]]:
    words = re.findall(r"\w+", text)
    return set(zip(words, words[1:], words[2:], strict=False)) or {tuple(words)}


def exact_clusters(texts: Sequence[str], threshold: float) -> list[int]:
    """Join all pairs exactly: rare shingles first, sharing one of the first few is necessary."""
    sets = [word_shingles(normalise(text)) for text in texts]
    frequency = Counter(shingle for each in sets for shingle in each)
    index: dict[tuple[str, ...], list[int]] = defaultdict(list)
    links = []
    for number in sorted(range(len(sets)), key=lambda number: len(sets[number])):
        own = sets[number]
        ordered = sorted(own, key=lambda shingle: (frequency[shingle], shingle))
        seen: set[int] = set()
        # n shingles overlap in at least threshold * n; so one lies in the first n - that + 1.
        for shingle in ordered[: int(len(own) * (1 - threshold) + 1e-9) + 1]:
            seen.update(index[shingle])
            index[shingle].append(number)
        for other in seen:
            shared = len(own & sets[other])
            if shared / (len(own) + len(sets[other]) - shared) >= threshold:
                links.append((number, other))
    return components(len(texts), links)


def components(size: int, links: Iterable[tuple[int, int]]) -> list[int]:
    parents = list(range(size))

    def find(number: int) -> int:
        while parents[number] != number:
            parents[number] = parents[parents[number]]
            number = parents[number]
        return number

    for one, other in links:
        parents[find(one)] = find(other)
    return [find(number) for number in range(size)]


def agreement(found: Sequence[int], truth: Sequence[int]) -> tuple[float, float]:
    """Return the recall and precision of the pairs that share a cluster."""
    both = pairs(Counter(zip(found, truth, strict=True)))
    return both / (pairs(Counter(truth)) or 1), both / (pairs(Counter(found)) or 1)


def pairs(sizes: Counter[object]) -> int:
    return sum(size * (size - 1) // 2 for size in sizes.values())


def read(path: Path) -> list[str]:
    texts = []
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            if isinstance(row, str):
                texts.append(row)
            elif "text" in row:
                texts.append(row["text"])
            else:
                texts.append("\n".join(message["content"] for message in row["messages"]))
    return texts


def invent(count: int, rng: random.Random) -> list[str]:
    letters = "etaoinshrdlucmfwypvbgkjqxz"
    vocabulary = ["".join(rng.choices(letters, k=rng.randint(2, 9))) for _ in range(30_000)]
    weights = list(accumulate(1 / (rank + 3) for rank in range(len(vocabulary))))
    documents = []
    for _ in range(count):
        sentences = [
            " ".join(
                rng.choices(vocabulary, cum_weights=weights, k=rng.randint(5, 20))
            ).capitalize()
            + "."
            for _ in range(rng.randint(10, 30))
        ]
        documents.append(" ".join(sentences))
    return documents


def with_copies(documents: list[str], rng: random.Random) -> list[str]:
    """Return the documents in random order with an edited copy of every fifth."""
    edits = [
        lambda text: replace_words(text, 0.01, rng),
        lambda text: replace_words(text, 0.025, rng),
        lambda text: replace_words(text, 0.05, rng),
        lambda text: text.upper(),
        lambda text: text.replace(".", " !").replace(",", " -"),
        lambda text: swap_sentences(text, rng),
    ]
    copies = [rng.choice(edits)(text) for text in rng.sample(documents, len(documents) // 5)]
    texts = documents + copies
    rng.shuffle(texts)
    return texts


def replace_words(text: str, share: float, rng: random.Random) -> str:
    words = text.split()
    return " ".join(
        f"new{rng.randrange(10**6)}" if rng.random() < share else word for word in words
    )


def swap_sentences(text: str, rng: random.Random) -> str:
    sentences = text.split(". ")
    if len(sentences) > 2:
        at = rng.randrange(len(sentences) - 1)
        sentences[at], sentences[at + 1] = sentences[at + 1], sentences[at]
    return ". ".join(sentences)


if __name__ == "__main__":
    main()
