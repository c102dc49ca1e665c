"""Compare our near-duplicate clusters with those of datasketch and gaoya at the same threshold.

    python benchmarks/dedup.py [--quick] [--data FILE ...] [--sizes N ...] [--threshold T]

Each size is a collection of documents of about 250 words and edited copies of every fifth (words
replaced, letter case, punctuation, sentences swapped). Without --data the words are made up and
drawn by Zipf's law; with it, documents are put together from the sentences of real texts (JSON
or JSON lines, plain or gzipped: strings, or objects of which every string counts).

Every run is a process of its own, from strings to cluster numbers, tools in turns. Its time is
that of the whole process, start and imports included, less what reading the texts and writing the
numbers took. A tool that is not installed gets a virtual environment in the user's cache folder;
where that fails, a line says that it is left out.

The truth is an exact all-pairs join, at the sizes where that takes minutes at most. recall:
share of the pairs of documents connected in truth that are in one cluster. precision: share of
the pairs in one cluster that are connected in truth. Connected: joined by a chain of pairs at or
above the threshold.
"""

import argparse
import gzip
import json
import os
import random
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import unicodedata
import venv
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

Clustering = Callable[[Sequence[str], float], list[int]]
TOOLS = ("tunesmith", "datasketch", "gaoya")
PINS = {"datasketch": "datasketch==2.0.0", "gaoya": "gaoya==0.2.2"}
SIZES = (10_000, 40_000, 160_000)
EXACT_UP_TO = 50_000
DOCUMENT_WORDS = 250


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="4,000 documents alone")
    parser.add_argument("--sizes", type=int, nargs="+", help=f"default {SIZES}, copies included")
    parser.add_argument("--data", type=Path, nargs="+", help="files to take sentences from")
    parser.add_argument("--threshold", type=float, default=0.8)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tool", choices=(*TOOLS, "exact"), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.tool:
        run_tool(options.tool, options.folder, options.threshold)
        return

    sizes = options.sizes or ((4_000,) if options.quick else SIZES)
    pythons = find_pythons()
    figures: dict[str, float] = {}
    for size in sizes:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            rng = random.Random(7)
            count = -(-size * 5 // 6)  # and a fifth of that in copies
            made = assemble(options.data, count, rng) if options.data else invent(count, rng)
            texts = with_copies(made, rng)
            (folder / "texts.json").write_text(json.dumps(texts), encoding="utf-8")
            figures |= measure(folder, len(texts), pythons, options.threshold, options.rounds)
    print(json.dumps({"name": "dedup", "figures": figures}))


def measure(
    folder: Path, size: int, pythons: dict[str, Path], threshold: float, rounds: int
) -> dict[str, float]:
    """Run all tools on one collection, in turns; print a table and return its figures."""
    seconds: dict[str, list[float]] = defaultdict(list)
    peaks: dict[str, list[float]] = defaultdict(list)
    for number in range(rounds):
        for tool in [*pythons][:: 1 if number % 2 else -1]:
            taken, peak = time_tool(tool, pythons[tool], folder, threshold)
            seconds[tool].append(taken)
            peaks[tool].append(peak)
    truth = None
    if size <= EXACT_UP_TO:
        time_tool("exact", Path(sys.executable), folder, threshold)
        truth = json.loads((folder / "exact.json").read_text())
    medians = {tool: statistics.median(each) for tool, each in seconds.items()}
    print(f"{size:,} texts, threshold {threshold}, medians of {rounds} rounds")
    print(f"{'':12}{'seconds':>9}{'texts/s':>10}{'peak GB':>9}{'recall':>9}{'precision':>11}")
    figures: dict[str, float] = {}
    for tool in pythons:
        recall, precision = float("nan"), float("nan")
        if truth is not None:
            found = json.loads((folder / f"{tool}.json").read_text())
            recall, precision = agreement(found, truth)
        print(
            f"{tool:12}{medians[tool]:9.2f}{size / medians[tool]:10,.0f}"
            f"{max(peaks[tool]):9.2f}{recall:9.4f}{precision:11.4f}",
            flush=True,
        )
        if tool != "tunesmith":
            figures[f"ratio_{tool}.{size}"] = round(medians[tool] / medians["tunesmith"], 2)
        else:
            figures[f"peak_gb.{size}"] = round(max(peaks[tool]), 3)
            if truth is not None:
                figures[f"recall.{size}"] = round(recall, 5)
                figures[f"precision.{size}"] = round(precision, 5)
    return figures


def time_tool(tool: str, python: Path, folder: Path, threshold: float) -> tuple[float, float]:
    """Return the seconds that a tool's process took by itself, and its peak memory in GB."""
    command = [str(python), __file__, "--tool", tool, "--folder", str(folder)]
    start = time.perf_counter()
    subprocess.run([*command, "--threshold", str(threshold)], check=True)
    taken = time.perf_counter() - start
    account = json.loads((folder / "account.json").read_text())
    return taken - account["aside"], account["peak_gb"]


def run_tool(tool: str, folder: Path, threshold: float) -> None:
    """Be the process of one tool."""
    start = time.perf_counter()
    texts = json.loads((folder / "texts.json").read_text(encoding="utf-8"))
    aside = time.perf_counter() - start
    tools: dict[str, Clustering] = {
        "tunesmith": our_clusters,
        "datasketch": datasketch_clusters,
        "gaoya": gaoya_clusters,
        "exact": exact_clusters,
    }
    numbers = tools[tool](texts, threshold)
    start = time.perf_counter()
    (folder / f"{tool}.json").write_text(json.dumps(numbers))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20  # KiB on Linux
    aside += time.perf_counter() - start
    (folder / "account.json").write_text(json.dumps({"aside": aside, "peak_gb": peak}))


def find_pythons() -> dict[str, Path]:
    """Return for each tool an interpreter that has it."""
    found = {"tunesmith": Path(sys.executable)}
    for tool, pin in PINS.items():
        python = Path(sys.executable)
        if not has(python, tool):
            cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
            folder = cache / "tunesmith-benchmarks" / pin
            python = folder / "bin" / "python"
            if not has(python, tool):
                venv.create(folder, with_pip=True)
                subprocess.run([str(python), "-m", "pip", "install", "-q", pin], check=False)
        if has(python, tool):
            found[tool] = python
        else:
            print(f"{tool} is left out: {pin} could not be installed")
    return found


def has(python: Path, module: str) -> bool:
    if not python.exists():
        return False
    probe = [str(python), "-c", f"import {module}"]
    return subprocess.run(probe, check=False, capture_output=True).returncode == 0


def our_clusters(texts: Sequence[str], threshold: float) -> list[int]:
    from tunesmith.data.comparing.near_duplicates import cluster

    return cluster(texts, threshold)


def gaoya_clusters(texts: Sequence[str], threshold: float) -> list[int]:
    """Cluster with gaoya as its documentation does: insert all, query all."""
    from gaoya.minhash import MinHashStringIndex

    index = MinHashStringIndex(
        hash_size=32,
        jaccard_threshold=threshold,
        num_bands=16,
        band_size=8,
        num_hashes=128,
        analyzer="word",
        lowercase=True,
        ngram_range=(3, 3),
    )
    index.par_bulk_insert_docs(list(range(len(texts))), list(texts))
    found = index.par_bulk_query(list(texts))
    links = ((number, other) for number, others in enumerate(found) for other in others)
    return components(len(texts), links)


def datasketch_clusters(texts: Sequence[str], threshold: float) -> list[int]:
    """Cluster with datasketch as its documentation does: signatures, insert, query."""
    from datasketch import MinHash, MinHashLSH

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
    sets = [word_shingles(folded(text)) for text in texts]
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


def folded(text: str) -> str:
    """Fold as the definition of a near copy does; written again, so that it checks ours."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).lower())


def assemble(paths: Iterable[Path], count: int, rng: random.Random) -> list[str]:
    """Put documents together from sentences of real texts, drawn at random."""
    sentences = [
        sentence
        for path in paths
        for text in strings(load(path))
        for sentence in re.split(r"(?<=[.!?])\s+", text)
        if 3 <= len(sentence.split()) <= 60
    ]
    documents = []
    for _ in range(count):
        parts: list[str] = []
        words = 0
        while words < DOCUMENT_WORDS:
            parts.append(rng.choice(sentences))
            words += len(parts[-1].split())
        documents.append(" ".join(parts))
    return documents


def load(path: Path) -> Any:
    data = path.read_bytes()
    whole = (gzip.decompress(data) if path.suffix == ".gz" else data).decode()
    try:
        return json.loads(whole)
    except json.JSONDecodeError:
        return [json.loads(line) for line in whole.splitlines() if line.strip()]


def strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for item in value.values() if isinstance(value, dict) else value:
            yield from strings(item)


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
