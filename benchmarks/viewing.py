"""How long the pages of `glan view` take over many rows, and what its index costs; printed as a table.

python benchmarks/viewing.py FOLDER 1000000          make a project of made-up rows, unless it is there, and look at it
python benchmarks/viewing.py FOLDER 1000000 lists    the same without full text
"""

import json
import random
import re
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path
from urllib.parse import urlencode

import msgspec
import psutil

import glan
from glan.dataset.rows import REJECT_SCHEMA, ROW_SCHEMA, Row
from glan.dataset.shards import ShardWriter
from glan.manifests import Manifest
from glan.places import key_of, place
from glan.records import Level, Message

DOCS = Path(__file__).parents[1] / "docs"
QUESTION_WORDS, ANSWER_WORDS = 60, 250
SUBJECTS, SESSIONS, CONCEPTS = 40, 20, 5
"""Of a discipline, of a subject, of a session."""
SHARD_ROWS = 10_000
TIMES = 5
"""Each page is asked for so often; the slowest of all but the first counts beside the first."""


def words() -> list[str]:
    """Return two million words that are as frequent as in our own documentation."""
    counts = Counter(word for path in sorted(DOCS.rglob("*.md")) for word in re.findall(r"\w[\w'-]+", path.read_text()))
    known, weights = zip(*counts.most_common(20_000), strict=True)
    return random.Random(0).choices(known, cum_weights=list(accumulate(weights)), k=2_000_000)


def rows(project: glan.Project, count: int) -> Iterator[Row]:
    """Give made-up rows over the disciplines of a project."""
    rng, pool = random.Random(1), words()
    leaves = project.taxonomy.disciplines

    def text(length: int) -> str:
        first = rng.randrange(len(pool) - length)
        return " ".join(pool[first : first + length])

    for i in range(count):
        leaf = leaves[i // 4 % len(leaves)]
        subject, index = rng.randrange(SUBJECTS), i
        session = rng.randrange(SESSIONS)
        concept = f"Concept {rng.randrange(CONCEPTS)} of session {session} of {leaf.title} {subject}"
        yield Row(
            id=place("question", leaf.key, key_of(f"{leaf.title} {subject}"), index),
            messages=(
                Message(role="user", content=f"{text(QUESTION_WORDS)}?"),
                Message(role="assistant", content=f"{text(ANSWER_WORDS)}."),
            ),
            field=leaf.path[0],
            sub_field=None,
            discipline=leaf.title,
            subject=f"{leaf.title} {subject}",
            level=list(Level)[subject % len(Level)].value,
            sessions=(f"Session {session} of {leaf.title} {subject}",),
            key_concepts=(concept,),
            strategy="single" if i % 2 else "pair",
            question_model="made-up",
            answer_model="made-up",
            question_tokens=QUESTION_WORDS,
            answer_tokens=ANSWER_WORDS + rng.randrange(100),
            language="en",
            finish_reason="stop",
            reasoning=None,
            slot=i,
        )


def make(folder: Path, count: int) -> None:
    """Write a project of made-up rows."""
    project = glan.Project.create(folder, taxonomy="paper")
    with ShardWriter(project.train_path, ROW_SCHEMA, SHARD_ROWS) as writer:
        for row in rows(project, count):
            writer.add(row)
        writer.close()
    with ShardWriter(project.rejects_path, REJECT_SCHEMA, SHARD_ROWS) as writer:
        writer.close()
    slots = {"decided": count, "pairs": count, "rejects": 0, "failures": 0, "open": 0}
    known = {
        "glan_version": glan.__version__,
        "made_at": "2026-01-01T00:00:00+00:00",
        "pairs_wanted": count,
        "complete": True,
        "prefix_rows": count,
        "ended": "complete",
        "slots": slots,
        "seed": 0,
        "language": "en",
        "choice": "exact",
        "quantities": {"there": {}, "drawn": {}, "paired": {}},
    }
    empty: dict[str, list[str]] = {name: [] for name in ("reasons", "checked", "not_checked", "shards")}
    tables: dict[str, dict[str, str]] = {name: {} for name in ("models", "hashes", "leaves", "left", "spent")}
    manifest = msgspec.convert({**empty, **tables, **known}, Manifest)
    project.manifest_path.write_bytes(msgspec.json.encode(manifest))


def asked(address: str, path: str) -> tuple[float, int, str]:
    """Return the milliseconds, the status and the text of a page."""
    started = time.perf_counter()
    with urllib.request.urlopen(f"{address.rstrip('/')}{path}") as response:  # noqa: S310 - our own address
        text = response.read().decode()
        return (time.perf_counter() - started) * 1000, response.status, text


def ready_s(address: str, path: str) -> float:
    """Return how long it takes until a page is there that has to wait for something."""
    started = time.perf_counter()
    while asked(address, path)[1] != 200:
        time.sleep(0.2)
    return time.perf_counter() - started


def pages(address: str) -> dict[str, str]:
    """Return the pages that are timed, by what they are."""
    _, _, text = asked(address, "/pairs?before=999999999999")
    last = re.findall(r'href="(/pair\?[^"]*)"', text)[-1]
    subject = re.findall(r'href="(/subject\?[^"]*)"', asked(address, last)[2])[0].replace("&amp;", "&")
    return {
        "overview": "/",
        "tree": "/tree",
        "discipline": "/discipline?leaf=physics",
        "subject": subject,
        "all pairs": "/pairs",
        "the last pairs": "/pairs?before=999999999999",
        "pairs of a level and strategy": "/pairs?level==advanced&strategy==pair",
        "the last of them": "/pairs?level==advanced&strategy==pair&before=999999999999",
        "pairs with letters in a key concept": f"/pairs?{urlencode({'key_concepts': 'of Physics 7'})}",
        "pairs by tokens and part of a subject": "/pairs?answer_tokens.min=330&subject=music",
        "a pair": last,
        "a word of nearly every pair": "/pairs?q=the",
        "a frequent word": "/pairs?q=question",
        "the last pairs with it": "/pairs?q=question&before=999999999999",
        "a frequent word in a discipline": "/pairs?q=question&discipline==Music",
        "a rare phrase": f"/pairs?{urlencode({'q': chr(34) + 'every question of' + chr(34)})}",
        "three words": f"/pairs?{urlencode({'q': 'ledger taxonomy sampling'})}",
        "what is nowhere": "/pairs?q=xylophone",
    }


def main() -> None:
    """Do what the arguments say."""
    folder, count = Path(sys.argv[1]), int(sys.argv[2])
    if not folder.exists():
        make(folder, count)
    command = [sys.executable, "-m", "glan", "view", "--project", str(folder), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as viewer:
        address = (viewer.stdout or sys.stdin).readline().split(" on ")[-1].strip()
        found: dict[str, object] = {"rows": count, "columns_s": round(ready_s(address, "/pairs"), 1)}
        searches = sys.argv[3:] != ["lists"]
        if searches:
            found["texts_s"] = round(ready_s(address, "/pairs?q=question"), 1)
        timed = {name: path for name, path in pages(address).items() if searches or "q=" not in path}
        for name, path in timed.items():
            times = [asked(address, path)[0] for _ in range(TIMES)]
            print(f"| {name} | {times[0]:.0f} | {max(times[1:]):.0f} |", flush=True)
        found["rss_mb"] = round(psutil.Process(viewer.pid).memory_info().rss / 1e6)
        viewer.terminate()
    found["index_mb"] = {path.name: round(path.stat().st_size / 1e6) for path in folder.glob(".view/*/*.*")}
    found["train_mb"] = round(sum(path.stat().st_size for path in folder.glob("dataset/train/*")) / 1e6)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
