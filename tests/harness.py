"""Small teachers that count, delay, fail and die, and what a test asks of a project folder, all inside the process."""

import asyncio
import json
import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal, TypeAlias

from msgspec.structs import replace

from glan import Options, Project, Result
from glan.dataset.shards import read_rows
from glan.errors import RequestError
from glan.records import Reply, Request, Stage
from glan.teachers.base import Teacher
from glan.teachers.filler import Filler, digest_of
from glan.teachers.fingerprints import fingerprint
from glan.teachers.ledger import Ledger

Call: TypeAlias = tuple[str, int, int, bytes]
"""What is paid for once: id, sample, attempt and fingerprint of a request."""

CONTENT = {"malformed": 0.2, "refusal": 0.06, "cut-off": 0.06, "empty": 0.06}
"""Rates of everything that can be wrong with what a teacher says."""


def small(**settings: Any) -> Filler:  # noqa: ANN401 - the settings of the filler have many types
    """Return a filler whose curricula and texts are short."""
    short = {"subjects": 3, "sessions": 2, "syllabus_size": 150, "question_size": 200, "size": 200}
    return Filler(**{**short, **settings})


def call_of(request: Request) -> Call:
    return request.id, request.sample, request.attempt, fingerprint(request)


@dataclass
class Counting:
    """Passes every request on, and notes what was asked and what was answered."""

    teacher: Teacher
    model: str = "filler"
    started: Counter[Call] = field(default_factory=Counter)
    answered: Counter[Call] = field(default_factory=Counter)
    requests: list[Request] = field(default_factory=list)
    on_call: Callable[[int], None] | None = None
    """Is told the number of each call before it is passed on."""

    async def reply(self, request: Request) -> Reply:
        call = call_of(request)
        self.started[call] += 1
        self.requests.append(request)
        if self.on_call is not None:
            self.on_call(self.started.total())
        try:
            reply = await self.teacher.reply(request)
        except RequestError:
            self.answered[call] += 1
            raise
        self.answered[call] += 1
        return reply

    def ids(self) -> set[str]:
        return {request.id for request in self.requests}

    def asked_of(self, leaf: str) -> set[Call]:
        """Return the calls for one leaf."""
        return {call for call in self.started if call[0].split("/")[1] == leaf}


class Planting:
    """Adds something to every answer."""

    model = "filler"

    def __init__(self, planted: str) -> None:
        self._teacher, self._planted = small(), planted

    async def reply(self, request: Request) -> Reply:
        reply = await self._teacher.reply(request)
        return replace(reply, text=f"{reply.text} {self._planted}.") if request.stage is Stage.ANSWERS else reply


class Shuffled:
    """Holds every reply for a random number of turns of the event loop."""

    def __init__(self, teacher: Teacher, seed: int, most: int = 25) -> None:
        self._teacher = teacher
        self._rng = random.Random(seed)
        self._most = most

    async def reply(self, request: Request) -> Reply:
        turns = self._rng.randrange(self._most)
        try:
            return await self._teacher.reply(request)
        finally:
            for _ in range(turns):
                await asyncio.sleep(0)


class Failing:
    """Refuses some requests for good, the same ones each time, until it is healed."""

    def __init__(self, teacher: Teacher, rate: float, stages: Sequence[str] = ()) -> None:
        self._teacher = teacher
        self._rate = rate
        self._stages = stages
        self.is_healed = False

    async def reply(self, request: Request) -> Reply:
        luck = int.from_bytes(digest_of(7, request.messages)[:4], "big") / 2**32
        if luck < self._rate and not self.is_healed and (not self._stages or request.stage in self._stages):
            raise RequestError("The server turns this request down.")
        return await self._teacher.reply(request)


class DiedError(BaseException):
    """Ends a run at once, as nothing that a run may catch does."""


class Dying:
    """Answers so many calls; those after them hang until the run is broken off, or break it themselves."""

    def __init__(self, teacher: Teacher, after: int, how: Literal["raise", "hang"]) -> None:
        self._teacher = teacher
        self._left = after
        self._how = how
        self.is_dead = asyncio.Event()
        self.raised = 0
        """Calls that were broken, not left in flight."""

    async def reply(self, request: Request) -> Reply:
        if self._left > 0:
            self._left -= 1
            return await self._teacher.reply(request)
        if self._how == "raise":
            self.raised += 1
            raise DiedError
        self.is_dead.set()
        await asyncio.Event().wait()
        raise AssertionError


async def until_death(folder: Path, teacher: Teacher, dying: Dying, **options: Any) -> Result | None:  # noqa: ANN401
    """Run a project until its teacher dies, and break the run off; None where it did."""
    run = asyncio.ensure_future(Project.open(folder).run(teacher=teacher, options=Options(**options)))
    death = asyncio.ensure_future(dying.is_dead.wait())
    await asyncio.wait((run, death), return_when=asyncio.FIRST_COMPLETED)
    death.cancel()
    if not run.done():
        run.cancel()
    try:
        return await run
    except (asyncio.CancelledError, DiedError):
        return None


@contextmanager
def project(leaves: object, **settings: Any) -> Iterator[Path]:  # noqa: ANN401 - settings have many types
    """Make a project of a taxonomy, given as YAML's lists and mappings, in a folder of its own."""
    with TemporaryDirectory() as found:
        folder = Path(found) / "project"
        source = Path(found) / "tree.yaml"
        source.write_text(json.dumps({"taxonomy": leaves}), encoding="utf-8")
        Project.create(folder, taxonomy=str(source))
        configure(folder, **settings)
        yield folder


def configure(folder: Path, **settings: Any) -> None:  # noqa: ANN401
    """Write glan.toml: `plan_drafts=3` is `drafts` in the table `plan`, what has no table's name stands at the top."""
    tables: dict[str, list[str]] = {"": []}
    for name, value in settings.items():
        table, _, key = name.partition("_")
        if table not in _TABLES:
            table, key = "", name
        written = f"{key} = {_written(value)}"
        tables.setdefault(table, []).append(written)
    lines = [*tables.pop(""), *(line for table, found in tables.items() for line in (f"[{_TABLES[table]}]", *found))]
    (folder / "glan.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _written(value: object) -> str:
    """Return a value as TOML has it; a table stands in one line."""
    if not isinstance(value, dict):
        return json.dumps(value)
    return "{" + ", ".join(f"{json.dumps(name)} = {json.dumps(item)}" for name, item in value.items()) + "}"


_TABLES = {
    "plan": "plan",
    "batch": "batch",
    "curation": "curation",
    "limits": "limits",
    "maxtokens": "max_tokens",
    "dataset": "dataset",
    "teacher": "teachers.default",
    "answers": "teachers.answers",
    "agreement": "curation.agreement",
    "embeddings": "curation.embeddings",
    "judge": "teachers.judge",
    "rating": "questions.rating",
    "critic": "curation.critic",
    "safety": "curation.safety",
}


def plant(folder: Path, leaves: object) -> None:
    """Write another taxonomy."""
    (folder / "taxonomy.yaml").write_text(json.dumps({"taxonomy": leaves}), encoding="utf-8")


def edit_prompt(folder: Path, name: str) -> None:
    """Add a sentence to a prompt of a project."""
    path = folder / "prompts" / f"{name}.md.j2"
    path.write_text(path.read_text(encoding="utf-8") + "\nBe brief.\n", encoding="utf-8")


def run(folder: Path, teacher: Teacher, **options: Any) -> Result:  # noqa: ANN401 - options have many types
    """Run a project in an event loop of its own; it is walked, also where nothing has changed."""
    named = teacher if hasattr(teacher, "model") else Counting(teacher)
    chosen = Options(**{"rebuild": True, **options})
    return asyncio.run(Project.open(folder).run(teacher=named, options=chosen))


def published(folder: Path) -> dict[str, bytes]:
    """Return every file of the data set and of the rejects."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for name in ("dataset", "rejects")
        for path in sorted((folder / name).rglob("*"))
        if path.is_file()
    }


def rows(folder: Path, name: str = "dataset/train") -> list[dict[str, Any]]:
    return list(read_rows(folder / name))


def manifest(folder: Path) -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads((folder / "manifest.json").read_bytes())
    return found


def committed(folder: Path) -> Counter[Call]:
    """Return what the ledger holds."""
    with Ledger.open(folder / "ledger.sqlite", readonly=True) as ledger:
        return Counter((entry.request_id, entry.sample, entry.attempt, entry.fingerprint) for entry in ledger.entries())


def assert_accounts(folder: Path, result: Result) -> None:
    """Every slot is a pair, a reject or a failure, in the result, the manifest and the files; fewer than N is no 0."""
    told = manifest(folder)
    rejected = rows(folder, "rejects")
    failures = sum(row["outcome"] == "failure" for row in rejected)
    slots = told["slots"]
    assert (slots["pairs"], slots["rejects"], slots["failures"]) == (
        len(rows(folder)),
        len(rejected) - failures,
        failures,
    )
    assert slots["decided"] == slots["pairs"] + slots["rejects"] + slots["failures"]
    counted = told["quantities"]
    assert (counted["slots"] - counted["open"], counted["open"]) == (slots["decided"], slots["open"])
    assert (result.pairs, result.rejects, result.failures) == (slots["pairs"], slots["rejects"], slots["failures"])
    reasons = Counter((row["outcome"], row["stage"], row["reason"]) for row in rejected)
    assert {(each["outcome"], each["stage"], each["reason"]): each["slots"] for each in told["reasons"]} == reasons
    assert sum(shard["rows"] for shard in told["shards"]) == slots["pairs"]
    assert told["complete"] == (slots["pairs"] >= told["pairs_wanted"] and not slots["open"])
    assert (result.exit_code == 0) == (slots["pairs"] >= result.wanted and result.stopped is None)
    assert len({row["id"] for row in rows(folder) + rejected}) == slots["decided"]
