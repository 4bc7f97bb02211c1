"""The card of a data set: the README that a reader and the Hugging Face hub see first. Pure text; it knows no files.

It holds no time, so that the same data set has the same card. Names from a taxonomy or a model are data: none of
them can end a table, draw a link or open a tag.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from glan.dataset import tables
from glan.dataset.licences import hub_licence, licence_name, model_licence
from glan.dataset.markdown import fenced, list_of, quoted, table_of, text_of
from glan.dataset.summary import Summary
from glan.dataset.tables import Table
from glan.dataset.tallies import UNKNOWN
from glan.languages import told
from glan.records import Stage
from glan.teachers.specs import OFFLINE_MODEL
from glan.wording import counted

_MOST_MODELS = 20
_SIZES = ("1K", "10K", "100K", "1M", "10M", "100M", "1B", "10B", "100B", "1T")
_CODE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")
"""A language code; the hub refuses names there."""
_OF_A_BENCHMARK = ("name", "splits", "items", "matches", "sha256")
_PARTS = {
    Stage.SUBJECTS: "Subjects",
    Stage.SYLLABI: "Syllabi",
    Stage.QUESTIONS: "Questions",
    Stage.EMBEDDINGS: "Embeddings of questions",
    Stage.RATINGS: "Ratings of questions",
    Stage.ANSWERS: "Answers",
    Stage.SCORES: "Scores of pairs",
    Stage.SAFETY: "Safety of pairs",
}

_PAPER = """@article{li2024glan,
  author  = {Haoran Li and Qingxiu Dong and Zhengyang Tang and others},
  title   = {Synthetic Data (Almost) from Scratch: Generalized Instruction Tuning for Language Models},
  journal = {arXiv preprint arXiv:2402.13064},
  year    = {2024}
}"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What a card tells."""

    name: str
    languages: Mapping[str, float]
    """With their shares."""
    statistics: Summary
    seed: int
    version: str
    """Version of `glan`."""
    prompts: Mapping[str, str]
    """Hash of each prompt by its name."""
    models: Mapping[Stage, str]
    """The model that was asked in each stage."""
    given: str = ""
    """What of the curricula was given and not asked for, in a sentence; empty where nothing was."""
    license: str | None = None
    """As the project states it; None where it does not."""
    authors: Sequence[str] = ()
    citation: str | None = None
    """How to cite the data set, as BibTeX."""
    split: str = "train"
    """`test` for a test set."""
    checked: Sequence[str] = ()
    """What was checked, a sentence each."""
    benchmarks: Sequence[Mapping[str, object]] = ()
    """What the pairs were held against: `name`, `splits`, `items`, `matches` and `sha256` of each."""
    reviewed: Sequence[tuple[str, int, int, float, float, float]] = ()
    """What people found: of each discipline its title, pairs judged, wrong ones, their share and its 95% interval."""
    not_done: Sequence[str] = ()
    """What a reader may take for granted and must not, a sentence each."""


def render_card(card: Card) -> str:
    """Return the text of README.md."""
    parts = [
        _front_matter(card),
        f"# {text_of(card.name)}",
        *_summary(card),
        *_way(card),
        *_contents(card.statistics),
        *_not_in_it(card.statistics),
        *_spent(card.statistics),
        *_examined(card),
        *_terms(card),
        *_citation(card),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _front_matter(card: Card) -> str:
    lines = ["---"]
    codes = [language for language in card.languages if _CODE.fullmatch(language)]
    lines += ["language:", *[f"- {quoted(code)}" for code in codes]] if codes else []
    lines += _license(card.license)
    lines += ["size_categories:", f"- {_size(card.statistics.pairs)}", "task_categories:", "- text-generation"]
    lines += ["tags:", "- synthetic", "- glan", f"pretty_name: {quoted(card.name)}"]
    lines += ["configs:", "- config_name: default", "  data_files:"]
    lines += [f"  - split: {card.split}", f"    path: {card.split}/*.parquet"]
    return "\n".join([*lines, "---"])


def _license(license_: str | None) -> list[str]:
    """Return the lines for the hub, which takes only licences that it knows, and any other one by a name."""
    if license_ is None:
        return []
    known, name = hub_licence(license_), licence_name(license_)
    if known is not None:
        return [f"license: {quoted(known)}"]
    return ["license: other", *([f"license_name: {quoted(name)}"] if name else [])]


def _size(rows: int) -> str:
    """Return the hub's name for a number of rows: `n<1K`, `1K<n<10K`, and so on."""
    if rows < 1_000:
        return "n<1K"
    power = len(str(rows)) - 4
    return f"{_SIZES[power]}<n<{_SIZES[power + 1]}" if power + 1 < len(_SIZES) else "n>1T"


def _summary(card: Card) -> Iterator[str]:
    found = card.statistics
    yield (
        f"{counted(found.pairs, 'pair')} of a question and its answer ({_languages(card)}) from "
        f"{counted(found.paired.disciplines, 'discipline')} in {counted(found.paired.fields, 'field')} of "
        "knowledge."
    )
    if card.split == "test":
        yield (
            "This is a test set: do not train on it. Its questions are about sets of key concepts that are kept for "
            "test sets, and of which no pair for training is made."
        )
    if card.authors:
        yield f"By {', '.join(map(text_of, card.authors))}."
    yield f"Licence: {'not stated' if card.license is None else text_of(card.license)}."
    if _is_offline(card):
        yield "Made with the offline textbook: for trying and testing only."


def _languages(card: Card) -> str:
    return f"{'language' if len(card.languages) == 1 else 'languages'}: {text_of(told(card.languages))}"


def _is_offline(card: Card) -> bool:
    returned = (named.model for named in card.statistics.models)
    return OFFLINE_MODEL in {*card.models.values(), *returned}


def _way(card: Card) -> Iterator[str]:
    yield "## How it was made"
    yield (
        "A language model listed the subjects of each discipline, wrote a syllabus for each subject, and wrote "
        "questions about class sessions and key concepts drawn from it; each question was answered in a call of its "
        "own that saw the question alone."
    )
    if card.given:
        yield card.given
    yield table_of(Table(("Part", "Model that was asked"), tuple(_asked(card)), names=2))
    yield f"Seed {card.seed}, version {text_of(card.version)} of `glan`. Prompts, each with the hash of its text:"
    yield table_of(Table(("Prompt", "Hash"), tuple(sorted(card.prompts.items())), names=2))


def _asked(card: Card) -> Iterator[tuple[str, str]]:
    for stage, part in _PARTS.items():
        if stage in card.models:
            yield part, card.models[stage]


def _contents(found: Summary) -> Iterator[str]:
    yield "## What is in it"
    for part in tables.contents(found):
        yield part if isinstance(part, str) else table_of(part)


def _not_in_it(found: Summary) -> Iterator[str]:
    yield "## What was rejected"
    yield (
        f"{counted(found.slots - found.open, 'slot')} decided: {counted(found.pairs, 'pair')}, "
        f"{counted(found.rejects, 'reject')} and {counted(found.failures, 'failure')}."
    )
    if found.open:
        yield (
            f"{counted(found.open, 'slot')} before the last pair {'is' if found.open == 1 else 'are'} undecided, since "
            "the run ended early: when it goes on, pairs may come between these."
        )
    yield from map(table_of, tables.rejected(found))


def _spent(found: Summary) -> Iterator[str]:
    uncounted = sum(stage.replies_without_tokens for stage in found.spent)
    unpriced = sum(stage.replies_without_price for stage in found.spent)
    yield "## Tokens and cost"
    yield "Of the replies that the pairs and the rejects rest on."
    yield table_of(tables.spent(found))
    if uncounted:
        yield f"Replies whose tokens are not known, and not in the sums: {uncounted:,}."
    if unpriced:
        yield f"Replies whose cost is not known, and not in the sums: {unpriced:,}."


def _examined(card: Card) -> Iterator[str]:
    if card.checked:
        yield f"## What was checked\n\n{list_of(card.checked)}"
    if card.benchmarks:
        rows = [tuple(_shown(each[name]) for name in _OF_A_BENCHMARK) for each in card.benchmarks]
        yield table_of(Table(("Benchmark", "Splits", "Items", "Matches rejected", "SHA-256"), tuple(rows), names=5))
    if card.reviewed:
        yield table_of(_reviewed(card.reviewed))
    if card.not_done:
        yield f"## Not done\n\n{list_of(card.not_done)}"


def _reviewed(found: Iterable[tuple[str, int, int, float, float, float]]) -> Table:
    rows = [
        (title, f"{judged:,}", f"{wrong:,}", f"{share:.1%}", f"{low:.1%} to {high:.1%}")
        for title, judged, wrong, share, low, high in found
    ]
    return Table(("Discipline", "Pairs judged by people", "Wrong", "Share", "95% interval"), tuple(rows))


def _shown(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {count:,}" for name, count in value.items())
    return f"{value:,}" if isinstance(value, int) else str(value)


def _terms(card: Card) -> Iterator[str]:
    """Tell which models gave the replies, and what is known of the terms that they come under."""
    asked = [model for model in card.models.values() if model != OFFLINE_MODEL]
    if not asked:
        return
    replies: dict[str, int] = {}
    for named in card.statistics.models:
        if named.model not in {UNKNOWN, OFFLINE_MODEL}:
            replies[named.model] = replies.get(named.model, 0) + named.replies
    models = list(dict.fromkeys([*asked, *replies]))
    rows = [(model, _whence(model, asked, replies), *_licence(model)) for model in models[:_MOST_MODELS]]
    yield "## Terms of the teachers"
    yield table_of(Table(("Model", "Replies", "Licence", "What it says of trained models"), tuple(rows), names=4))
    if len(models) > _MOST_MODELS:
        yield f"and {len(models) - _MOST_MODELS:,} more."
    yield (
        "A name is what was asked for, or what the server called the model; that the model behind it was this one, "
        "nobody checked. A licence is that of the model which bears this name, as far as `glan` knows it. "
        "Providers who host models have terms of their own, which may forbid to train competing models with what "
        "their models say. Read the terms that you agreed to before you train with these pairs or give them to "
        "others. This is no legal advice."
    )


def _whence(model: str, asked: Iterable[str], replies: Mapping[str, int]) -> str:
    told = [f"{replies[model]:,}"] if model in replies else []
    return ", ".join([*told, *(["asked for"] if model in asked else [])])


def _licence(model: str) -> tuple[str, str]:
    known = model_licence(model)
    return (known.licence, known.note) if known is not None else ("not known to glan", "")


def _citation(card: Card) -> Iterator[str]:
    yield "## Citation"
    if card.citation is not None and card.citation.strip():
        yield fenced(card.citation, "bibtex")
    yield "The method is that of the GLAN paper."
    yield fenced(_PAPER, "bibtex")
