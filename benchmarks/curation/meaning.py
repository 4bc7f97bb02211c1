"""What a model of embeddings makes of questions in other words, so that `similarity` is chosen and not guessed.

    python benchmarks/curation/meaning.py --teacher openai/text-embedding-3-small
    python benchmarks/curation/meaning.py --teacher e@http://localhost:8000/v1

It asks for 150 vectors, of `rewordings.toml`: 50 questions, each in other words, and another question of the same
subject in words that are near. Keys are where `glan run` has them.
"""

import argparse
import asyncio
import time
import tomllib
from pathlib import Path

import numpy as np

from glan.config import Config
from glan.curate.meaning import Meanings
from glan.environment import Environment
from glan.errors import GlanError
from glan.generate.asking import asking_of
from glan.prompts import Prompts
from glan.records import Message, Stage
from glan.settings import Curation, Embeddings, Teachers, TeacherSettings
from glan.teachers.panel import Named, opened
from glan.vectors import Vector, cosines, rounded, square, unpack

TRIPLES = Path(__file__).parent / "rewordings.toml"
THRESHOLDS = (0.95, 0.9, 0.85, 0.8, 0.75, 0.7)


def likeness(one: Vector, other: Vector) -> float:
    return float(cosines(one, other[None], np.array([square(other)]))[0])


async def vectors(spec: str, dimensions: int | None, texts: list[str]) -> list[Vector]:
    """Return the vector of each text."""
    config = Config(
        teachers=Teachers(default=TeacherSettings(spec="offline"), embeddings=TeacherSettings(spec=spec)),
        curation=Curation(embeddings=Embeddings(enabled=True, dimensions=dimensions)),
    )
    async with opened(config, Environment(), Named(spec=None)) as panel:
        asking = asking_of(config, Prompts.shipped(), panel.teacher, panel.models)
        asked = [asking.request(Stage.EMBEDDINGS, "", Message(role="user", content=text)) for text in texts]
        return [unpack((await panel.teacher.reply(request)).text) for request in asked]


def tell_model(spec: str, dimensions: int | None) -> None:
    """Print how many rewordings each threshold finds, and how many other questions it takes for copies."""
    triples = tomllib.loads(TRIPLES.read_text(encoding="utf-8"))["triples"]
    found = asyncio.run(vectors(spec, dimensions, [text for triple in triples for text in triple]))
    same = np.array([likeness(found[i], found[i + 1]) for i in range(0, len(found), 3)])
    near = [max(likeness(found[i + k], found[i + 2]) for k in (0, 1)) for i in range(0, len(found), 3)]
    other = np.array(near)
    print(f"{spec}, {found[0].size} dimensions, {len(triples)} questions")
    print(f"in other words  median {np.median(same):.2f}, least {same.min():.2f}")
    print(f"another         median {np.median(other):.2f}, greatest {other.max():.2f}")
    print("similarity   copies found   others taken for copies")
    for threshold in THRESHOLDS:
        print(f"{threshold:10.2f} {np.mean(same >= threshold):14.0%} {np.mean(other >= threshold):25.0%}")


def tell_cost() -> None:
    """Print what judging takes where each question is held against 500 others."""
    for dimensions in (256, 384, 1_536, 3_072):
        rng = np.random.default_rng(0)
        made = [rounded(rng.standard_normal(dimensions).tolist()) for _ in range(1_500)]
        meanings = Meanings(0.9, 500)
        for i, vector in enumerate(made[:500]):
            meanings.judge(f"question/a/b/{i}", vector)
        begun = time.process_time()
        for i, vector in enumerate(made[500:]):
            meanings.judge(f"question/a/b/{500 + i}", vector)
        took = (time.process_time() - begun) / 1_000
        print(f"{dimensions:5} dimensions: {took * 1e6:6.0f} us a question, {dimensions + 12} bytes of memory")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--teacher", help="The model of embeddings; without it only the cost of judging is measured.")
    parser.add_argument("--dimensions", type=int)
    given = parser.parse_args()
    if given.teacher:
        try:
            tell_model(given.teacher, given.dimensions)
        except GlanError as error:
            raise SystemExit(f"{error} {error.hint}") from error
    tell_cost()


if __name__ == "__main__":
    main()
