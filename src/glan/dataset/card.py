"""The card of a data set: the README that a reader and the Hugging Face hub see first. Pure text; it knows no files.

It holds no time, so that the same data set has the same card. Names from a taxonomy or a model are data: none of
them can end a table, draw a link or open a tag.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from glan.dataset.statistics import Ended, Summary
from glan.parsing import clean
from glan.records import Level
from glan.teachers.specs import OFFLINE_MODEL

NOT_JUDGED, NOT_REVIEWED = "No model judged the pairs.", "No person reviewed the pairs."
NOT_DONE = (
    NOT_JUDGED,
    NOT_REVIEWED,
    "The answers were not verified: some will be wrong.",
)
"""What a reader may take for granted and must not."""

_MOST_ROWS = 200
"""Rows of a table on the card; a tree may have thousands of fields."""
_MOST_LETTERS = 200
"""Letters of a name on the card; a server may call its model what it likes."""
_MOST_LETTERS_OF_SENTENCE = 5_000
_SIZES = ("1K", "10K", "100K", "1M", "10M", "100M", "1B", "10B", "100B", "1T")
_CODE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")
"""A language code; the hub refuses names there."""
_OF_A_BENCHMARK = ("name", "splits", "items", "matches", "sha256")
_MARKS = re.compile(r"[\\`*_\[\]|~$#!]")
_UNQUOTABLE = re.compile('["\\\\\n\t\u2028\u2029\ufeff\ufffe\uffff]')
"""What a YAML string in double quotes cannot hold as it is, once control characters are gone."""

_CITATION = """```bibtex
@article{li2024glan,
  author  = {Haoran Li and Qingxiu Dong and Zhengyang Tang and others},
  title   = {Synthetic Data (Almost) from Scratch: Generalized Instruction Tuning for Language Models},
  journal = {arXiv preprint arXiv:2402.13064},
  year    = {2024}
}
```"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What a card tells."""

    name: str
    language: str
    statistics: Summary
    seed: int
    version: str
    """Version of `glan`."""
    prompts: Mapping[str, str]
    """Hash of each prompt by its name."""
    question_model: str
    """The model that was asked for questions."""
    answer_model: str
    curriculum_model: str | None = None
    """The model that was asked for subjects and syllabi, where it is another one."""
    license: str | None = None
    test_rows: int = 0
    """Rows of the test set; without one the card names none."""
    checked: tuple[str, ...] = ()
    """What was checked, a sentence each."""
    benchmarks: Sequence[Mapping[str, object]] = ()
    """What the pairs were held against: `name`, `splits`, `items`, `matches` and `sha256` of each."""
    reviewed: Sequence[tuple[str, int, int, float, float, float]] = ()
    """What people found: of each discipline its title, pairs judged, wrong ones, their share and its 95% interval."""
    not_done: tuple[str, ...] = NOT_DONE


def render_card(card: Card) -> str:
    """Return the text of README.md."""
    parts = [
        _front_matter(card),
        f"# {_text(card.name)}",
        _summary(card),
        *(["Made with the offline textbook: for trying and testing only."] if _is_offline(card) else []),
        _way(card),
        _contents(card.statistics),
        _not_in_it(card.statistics),
        _spent(card.statistics),
        _examined(card),
        f"## Citation\n\nThe method is that of the GLAN paper.\n\n{_CITATION}",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _front_matter(card: Card) -> str:
    lines = ["---"]
    if _CODE.fullmatch(card.language):
        lines += ["language:", f"- {_quoted(card.language)}"]
    if card.license is not None:
        lines.append(f"license: {_quoted(card.license)}")
    lines += ["size_categories:", f"- {_size(card.statistics.pairs)}", "task_categories:", "- text-generation"]
    lines += ["tags:", "- synthetic", "- glan", f"pretty_name: {_quoted(card.name)}"]
    lines += ["configs:", "- config_name: default", "  data_files:"]
    for split in ("train", "test") if card.test_rows else ("train",):
        lines += [f"  - split: {split}", f"    path: {split}/*.parquet"]
    return "\n".join([*lines, "---"])


def _size(rows: int) -> str:
    """Return the hub's name for a number of rows: `n<1K`, `1K<n<10K`, and so on."""
    if rows < 1_000:
        return "n<1K"
    power = len(str(rows)) - 4
    return f"{_SIZES[power]}<n<{_SIZES[power + 1]}" if power + 1 < len(_SIZES) else "n>1T"


def _summary(card: Card) -> str:
    found = card.statistics
    text = (
        f"{_number(found.pairs, 'pair')} of a question and its answer (language: {_text(card.language)}) from "
        f"{_number(found.paired.disciplines, 'discipline')} in {_number(found.paired.fields, 'field')} of knowledge."
    )
    return f"{text} A test set of {_number(card.test_rows, 'pair')} stands beside them." if card.test_rows else text


def _number(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _is_offline(card: Card) -> bool:
    asked = {card.question_model, card.answer_model, card.curriculum_model}
    return OFFLINE_MODEL in asked.union(card.statistics.question_models, card.statistics.answer_models)


def _way(card: Card) -> str:
    found = card.statistics
    rows = [
        ("Subjects and syllabi", _text(card.curriculum_model or card.question_model)),
        ("Questions", _models(card.question_model, found.question_models)),
        ("Answers", _models(card.answer_model, found.answer_models)),
        ("Seed", str(card.seed)),
        ("Version of glan", _text(card.version)),
    ]
    prompts = _table(("Prompt", "Hash"), _named(sorted(card.prompts.items())))
    return (
        "## How it was made\n\n"
        "A language model listed the subjects of each discipline, wrote a syllabus for each subject, and wrote "
        "questions about class sessions and key concepts drawn from it; each question was answered in a call of its "
        "own that saw the question alone.\n\n"
        f"{_table(('Part', 'Value'), rows)}\n\n"
        f"Prompts, each with the hash of its text:\n\n{prompts}"
    )


def _models(asked: str, returned: Mapping[str, int]) -> str:
    names = [name for name in returned if name != asked]
    told = f"; the server named {', '.join(_text(name) for name in names[:10])}" if names else ""
    return _text(asked) + told


def _contents(found: Summary) -> str:
    levels = [(level.value, f"{found.levels.get(level.value, 0):,}") for level in Level]
    shares = sorted(found.by_field, key=lambda share: (-share.pairs, share.title))
    fields = [(_text(share.title), f"{share.pairs:,}", f"{share.rejects + share.failures:,}") for share in shares]
    length = found.question_length, found.answer_length
    characters = [
        (name, f"{of.mean:,.0f}", f"{of.median:,}", f"{of.p90:,}")
        for name, of in zip(("Question", "Answer"), length, strict=True)
    ]
    return "\n\n".join(
        [
            "## What is in it",
            _table(("Different", "In the pairs", "In all slots"), _quantities(found)),
            _table(("Field", "Pairs", "Slots without a pair"), fields),
            _table(("Level of the subject", "Pairs"), levels),
            _table(("Class sessions of a question", "Pairs"), _counted(found.strategies)),
            _table(("Length in characters", "Mean", "Median", "90th percentile"), characters),
            _table(("End of the answer", "Pairs"), _counted(found.finish_reasons)),
        ]
    )


def _quantities(found: Summary) -> list[tuple[str, ...]]:
    names = ("Fields", "Sub-fields", "Disciplines", "Subjects", "Class sessions", "Key concepts", "Questions")
    paired = (*msgspec.structs.astuple(found.paired), found.pairs)
    drawn = (*msgspec.structs.astuple(found.drawn), found.questions)
    return [(name, f"{in_pairs:,}", f"{in_all:,}") for name, in_pairs, in_all in zip(names, paired, drawn, strict=True)]


def _not_in_it(found: Summary) -> str:
    text = (
        f"## What was rejected\n\n{_number(found.slots - found.open, 'slot')} decided: {_number(found.pairs, 'pair')}, "
        f"{_number(found.rejects, 'reject')} and {_number(found.failures, 'failure')}."
    )
    if not found.rejected and not found.failed:
        return text
    rows = [*_ended("rejected", found.rejected), *_ended("failed", found.failed)]
    return f"{text}\n\n{_table(('Fate', 'Stage', 'Reason', 'Slots'), rows)}"


def _ended(how: str, reasons: Iterable[Ended]) -> list[tuple[str, ...]]:
    return [(how, ended.stage.value, _text(ended.reason), f"{ended.slots:,}") for ended in reasons]


def _spent(found: Summary) -> str:
    rows = [
        (
            stage.stage.value,
            f"{stage.replies:,}",
            f"{stage.prompt_tokens:,}",
            f"{stage.completion_tokens:,}",
            f"{stage.cost_usd:,.4f}",
        )
        for stage in found.spent
        if stage.replies
    ]
    uncounted = sum(stage.replies_without_tokens for stage in found.spent)
    unpriced = sum(stage.replies_without_price for stage in found.spent)
    lines = [
        "## Tokens and cost",
        "Of the replies that the pairs and the rejects rest on.",
        _table(("Stage", "Replies", "Prompt tokens", "Reply tokens", "US dollars"), rows),
    ]
    if uncounted:
        lines.append(f"Replies whose tokens are not known, and not in the sums: {uncounted:,}.")
    if unpriced:
        lines.append(f"Replies whose cost is not known, and not in the sums: {unpriced:,}.")
    return "\n\n".join(lines)


def _examined(card: Card) -> str:
    checked = f"## What was checked\n\n{_list(card.checked)}\n\n" if card.checked else ""
    if card.benchmarks:
        checked += f"{_held_against(card.benchmarks)}\n\n"
    if card.reviewed:
        checked += f"{_reviewed(card.reviewed)}\n\n"
    return f"{checked}## Not done\n\n{_list(card.not_done)}" if card.not_done else checked.rstrip()


def _held_against(benchmarks: Sequence[Mapping[str, object]]) -> str:
    rows = [tuple(_text(_shown(each[name])) for name in _OF_A_BENCHMARK) for each in benchmarks]
    return _table(("Benchmark", "Splits", "Items", "Matches rejected", "SHA-256"), rows)


def _reviewed(found: Iterable[tuple[str, int, int, float, float, float]]) -> str:
    rows = [
        (_text(title), f"{judged:,}", f"{wrong:,}", f"{share:.1%}", f"{low:.1%} to {high:.1%}")
        for title, judged, wrong, share, low, high in found
    ]
    return _table(("Discipline", "Pairs judged by people", "Wrong", "Share", "95% interval"), rows)


def _shown(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {count:,}" for name, count in value.items())
    return f"{value:,}" if isinstance(value, int) else str(value)


def _list(sentences: Iterable[str]) -> str:
    return "\n".join(f"- {_text(sentence, _MOST_LETTERS_OF_SENTENCE)}" for sentence in sentences)


def _named(pairs: Iterable[tuple[str, str]]) -> list[tuple[str, ...]]:
    return [(_text(name), _text(value)) for name, value in pairs]


def _counted(counts: Mapping[str, int]) -> list[tuple[str, ...]]:
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [(_text(name), f"{count:,}") for name, count in ordered]


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """Return a Markdown table; its cells are escaped already."""
    listed = list(rows)
    lines = [head, tuple("---" for _ in head), *listed[:_MOST_ROWS]]
    text = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return f"{text}\n\n{len(listed) - _MOST_ROWS:,} more are not shown." if len(listed) > _MOST_ROWS else text


def _text(name: str, most: int = _MOST_LETTERS) -> str:
    """Return a name as Markdown that shows it and does nothing else."""
    words = " ".join(clean(name).split())
    if len(words) > most:
        words = f"{words[:most]}..."
    words = words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _MARKS.sub(r"\\\g<0>", words).replace("://", "&#58;//")


def _quoted(text: str) -> str:
    """Return a YAML string in double quotes."""
    return '"' + _UNQUOTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", clean(text)) + '"'
