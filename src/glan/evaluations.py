"""One examination: a model answers the paper's benchmarks, and what it says is scored.

    problems ─► prompts, as lm-evaluation-harness puts them ─► replies ─► rules, or the sandbox ─► numbers

A local model's replies are kept in a file, those of a server in the ledger: the same examination again asks only for
what is new, and scores everything anew.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import ModuleType
from typing import Final

import msgspec
from msgspec import structs

import glan
from glan.errors import BenchmarkError, MissingPackageError, ProjectError
from glan.evaluate.answering import Answered, How, Respondent
from glan.evaluate.instructions import refuse_unready
from glan.evaluate.problems import hash_of, spread
from glan.evaluate.published import is_in, problems_in
from glan.evaluate.results import (
    RESULTS,
    Item,
    Results,
    Taken,
    groups_of,
    numbers_of,
    read_results,
    write_items,
    write_results,
)
from glan.evaluate.running_code import scored_code
from glan.evaluate.sandbox import Limits, probe
from glan.evaluate.scoring import Scored, scored
from glan.evaluate.suite import chosen, group_of, suite

TEMPERATURE: Final = 0.8
TOP_P: Final = 0.95
"""Of several samples of a program (Chen et al. 2021, for pass@100); one sample is greedy."""
NOT_RUN: Final = "its programs are run with --run-code only"
NOT_IN_DATA: Final = "it is not in --data"
_LIBRARIES: Final = ("lm_eval", "transformers", "torch", "math-verify")


_LIMITS: Final = Limits()


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a model is to be examined in."""

    names: tuple[str, ...] = ()
    """Of benchmarks; all if none."""
    data: Path | None = None
    limit: int | None = None
    samples: int = 1
    """Programs for each problem of HumanEval and MBPP."""
    run_code: bool = False
    limits: Limits = _LIMITS
    """Of a program that runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """Whose examination it is."""

    name: str
    model: str
    """As a person named it."""
    way: str
    identity: str
    pairs: int | None = None


@dataclass(slots=True, kw_only=True)
class Chosen:
    """Which benchmarks are taken, and which are not for what reason."""

    names: list[str] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)


def harness() -> ModuleType:
    """Return the module that imports lm-evaluation-harness.

    Raises:
        MissingPackageError: it is not installed.

    """
    try:
        from glan.evaluate import harness as found  # noqa: PLC0415 - an extra, and slow to load
    except ImportError as error:
        raise MissingPackageError(
            f"To examine a model, lm-evaluation-harness is needed: {error}.", hint="pip install 'glan[eval]'"
        ) from error
    return found


def ready(wanted: Wanted) -> Chosen:
    """Return which benchmarks are taken, once all that they need is there; nobody is asked before.

    Raises:
        BenchmarkError: a benchmark that was named is not there, or not what is published.
        GlanError: the sandbox cannot be had, or a library is lacking.

    """
    found = Chosen()
    for name in chosen(wanted.names):
        if suite()[name].kind == "code" and not wanted.run_code:
            found.left_out[name] = NOT_RUN
        elif wanted.data is not None and not wanted.names and not is_in(wanted.data, name):
            found.left_out[name] = NOT_IN_DATA
        else:
            found.names.append(name)
    if not found.names:
        raise BenchmarkError(
            f"No benchmark can be taken: {'; '.join(f'{name}: {why}' for name, why in found.left_out.items())}."
        )
    for name in found.names:
        problems = problems_in(name, wanted.data)
        if suite()[name].kind == "instructions":
            refuse_unready(problems)
    if any(suite()[name].kind == "code" for name in found.names):
        probe(wanted.limits)
    return found


def taken(name: str, wanted: Wanted, respondent: Respondent) -> tuple[Taken, list[Item]]:
    """Examine a model in one benchmark.

    Raises:
        GlanError: what stops the respondent.

    """
    how = _how(name, wanted, respondent)
    problems = problems_in(name, wanted.data)
    asked = spread(problems, wanted.limit)
    found = harness().answers_to(how, respondent)
    if [each.problem for each in found] != asked:
        raise AssertionError  # an item was lost on the way
    items = items_of(found, wanted.limits)
    with_score = [item for item in items if item.failed is None]
    benchmark = suite()[name]
    told = Taken(
        title=benchmark.title,
        shots=benchmark.shots,
        max_tokens=how.max_tokens,
        temperature=how.temperature,
        samples=how.samples,
        limit=wanted.limit,
        there=len(problems),
        asked=len(items),
        answered=len(with_score),
        unread=sum(benchmark.kind != "instructions" and item.extracted[0] is None for item in with_score),
        cut=sum(item.cut for item in with_score),
        prompts_cut=sum(item.prompt_cut for item in items),
        failed=Counter(item.failed for item in items if item.failed is not None),
        data=hash_of(problems),
        prompts=hash_of(asked),
        numbers=numbers_of(items),
        groups=groups_of(items, group_of() if name == "mmlu" else {}),
    )
    return told, items


def _how(name: str, wanted: Wanted, respondent: Respondent) -> How:
    """Return how a benchmark is asked for: several samples are of programs alone, and a short window is halved."""
    benchmark = suite()[name]
    room = benchmark.max_tokens if respondent.longest is None else min(benchmark.max_tokens, respondent.longest // 2)
    how = How(name=name, data=wanted.data, limit=wanted.limit, max_tokens=room)
    if benchmark.kind != "code" or wanted.samples == 1:
        return how
    return how._replace(samples=wanted.samples, temperature=TEMPERATURE, top_p=TOP_P)


def items_of(found: Sequence[Answered], limits: Limits) -> list[Item]:
    """Return what came of every problem; programs of all of them run together."""
    whole = [each for each in found if all(answer.text is not None for answer in each.answers)]
    scores = dict(zip(map(id, whole), _scored(whole, limits), strict=True))
    return [_item(each, scores.get(id(each))) for each in found]


def _scored(found: Sequence[Answered], limits: Limits) -> list[Scored]:
    texts = [[answer.text or "" for answer in each.answers] for each in found]
    if found and suite()[found[0].problem.benchmark].kind == "code":
        return scored_code([each.problem for each in found], texts, limits)
    return [scored(each.problem, text[0]) for each, text in zip(found, texts, strict=True)]


def _item(found: Answered, score: Scored | None) -> Item:
    problem, answers = found.problem, found.answers
    reasons = [answer.failed or "there is no reply" for answer in answers if answer.text is None]
    return Item(
        id=problem.id,
        group=problem.group,
        prompt_sha256=hashlib.sha256(found.prompt.encode("utf-8", "surrogatepass")).hexdigest(),
        replies=tuple(answer.text for answer in answers),
        extracted=() if score is None else (score.extracted,),
        answer=problem.answer,
        parts={} if score is None else score.parts,
        failed=reasons[0] if reasons else None,
        cut=any(answer.is_cut for answer in answers),
        prompt_cut=any(answer.is_prompt_cut for answer in answers),
    )


class Examination:
    """Takes one benchmark after the other, and writes each down as soon as it is done."""

    def __init__(self, folder: Path, wanted: Wanted, examined: Examined, respondent: Respondent) -> None:
        self._folder = folder
        self._wanted = wanted
        self._respondent = respondent
        before = before_of(folder, examined)
        self.results = Results(
            glan_version=glan.__version__,
            libraries=dict(_libraries()),
            name=examined.name,
            model=examined.model,
            way=examined.way,
            identity=examined.identity,
            chat=respondent.is_chat,
            pairs=examined.pairs,
            tasks={} if before is None else {name: each for name, each in before.tasks.items() if name in suite()},
        )

    def __call__(self, those: Chosen) -> Iterator[str]:
        """Take the benchmarks; yield the name of each once it is done.

        Raises:
            GlanError: what stops it; what was done before stands.

        """
        self._write(left_out={name: why for name, why in those.left_out.items() if name not in self.results.tasks})
        for name in those.names:
            told, items = taken(name, self._wanted, self._respondent)
            write_items(self._folder, name, items)
            tasks = {**self.results.tasks, name: told}
            self._write(tasks={each: tasks[each] for each in suite() if each in tasks})
            yield name

    def _write(self, **changed: object) -> None:
        self.results = structs.replace(self.results, **changed)
        write_results(self._folder, self.results)


def before_of(folder: Path, examined: Examined) -> Results | None:
    """Return what stands in a folder of the same model.

    Raises:
        ProjectError: it has results of another model, or something else.

    """
    if not (folder / RESULTS).exists():
        return None
    before = read_results(folder)
    if before.identity != examined.identity:
        raise ProjectError(
            f"{folder} has the results of another model, {before.model}, or of another state of it.",
            hint="Name another folder with --out.",
        )
    return before


class _Made(msgspec.Struct):
    """What a student says of how it was made, as far as it is looked at."""

    class Counts(msgspec.Struct):
        trained: int

    counts: Counts


def pairs_of(model: str) -> int | None:
    """Return on how many pairs a student in a folder was tuned, where it says so."""
    try:
        return msgspec.json.decode((Path(model) / "training.json").read_bytes(), type=_Made).counts.trained
    except (OSError, msgspec.DecodeError):
        return None


def _libraries() -> Iterator[tuple[str, str]]:
    for name in _LIBRARIES:
        try:
            yield name, version(name)
        except PackageNotFoundError:
            continue
