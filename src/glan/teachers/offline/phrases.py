"""Phrases: sentences with holes, which are filled when a question is written and read back when it is answered.

It knows words and holes; it refuses to know what they are about.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache

import msgspec

from glan.records import Level
from glan.teachers.offline.book import open_book, read_table

_HOLE = re.compile(r"\{(\w+)\}")
_MARKED = re.compile(r"\*\*(.+?)\*\*")
_QUOTED = {name: f'"{{{name}}}"' for name in ("statement", "reply", "draft")}
_BOLD = {name: f"**{{{name}}}**" for name in ("concept", "first", "second")}


@dataclass(frozen=True, slots=True)
class Phrase:
    """A text with holes."""

    pieces: tuple[str, ...]
    """The fixed words around the holes: one piece more than there are holes."""
    holes: tuple[str, ...]

    @staticmethod
    @cache
    def of(text: str) -> "Phrase":
        """Return the phrase of a text; statements come in quotation marks, single concepts in bold type."""
        for name, marked in (_QUOTED | _BOLD).items():
            text = text.replace(f"{{{name}}}", marked)
        parts = _HOLE.split(text)
        return Phrase(tuple(parts[::2]), tuple(parts[1::2]))

    def fill(self, values: Mapping[str, str]) -> str:
        """Return the text with its holes filled."""
        filled = [self.pieces[0]]
        for hole, piece in zip(self.holes, self.pieces[1:], strict=True):
            filled += (values[hole], piece)
        return "".join(filled)

    def read(self, text: str) -> dict[str, str] | None:
        """Return what fills the holes of a text, or None if it is not this phrase; a hole ends as early as it can."""
        if not text.startswith(self.pieces[0]) or not text.endswith(self.pieces[-1]):
            return None
        values: dict[str, str] = {}
        start, stop = len(self.pieces[0]), len(text) - len(self.pieces[-1])
        for i, hole in enumerate(self.holes):
            is_last = i == len(self.holes) - 1
            end = stop if is_last else text.find(self.pieces[i + 1], start, stop)
            if end < start or values.setdefault(hole, text[start:end]) != text[start:end]:
                return None
            start = end + len(self.pieces[i + 1])
        return values


class _Task(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    kind: str
    texts: tuple[str, ...]


class Leads(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the paragraphs of an answer begin."""

    explain: tuple[str, ...]
    example: tuple[str, ...]
    reason: tuple[str, ...]
    principle: tuple[str, ...]
    right: tuple[str, ...]
    false: tuple[str, ...]
    doubt: tuple[str, ...]
    belief: tuple[str, ...]
    planted: tuple[str, ...]
    missing: tuple[str, ...]
    settled: tuple[str, ...]
    decided: tuple[str, ...]
    work: tuple[str, ...]
    neighbours: tuple[str, ...]
    """How two concepts of one class session are told apart ..."""
    strangers: tuple[str, ...]
    """... and two of different ones."""
    applied: tuple[str, ...]
    tested: tuple[str, ...]
    ending: tuple[str, ...]
    sound: tuple[str, ...]
    """What can stand of a reviewed text: its definition ..."""
    sound_explained: tuple[str, ...]
    sound_both: tuple[str, ...]
    """... the definition and the example ..."""
    sound_example: tuple[str, ...]


class _Words(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    names: tuple[str, ...]
    roles: tuple[str, ...]
    situations: tuple[str, ...]
    exercises: tuple[str, ...]
    """What may be designed so that it has a solution to be worked out ..."""
    quizzes: tuple[str, ...]
    """... or to be picked from several sentences."""
    leads: Leads
    audiences: dict[Level, tuple[str, ...]]
    closings: dict[Level, tuple[str, ...]]
    tasks: tuple[_Task, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Phrasebook:
    """All phrases."""

    words: _Words
    tasks: Mapping[str, tuple[Phrase, ...]]
    """By kind of task; the stories of a problem stand under `problem/` and its name."""
    by_ends: Mapping[tuple[str, str], tuple[tuple[str, Phrase], ...]]
    """The same with their kinds, by first and last word; a hole at an end counts as the empty word."""

    def recognise(self, text: str) -> Iterable[tuple[str, dict[str, str]]]:
        """Yield the kinds that a text may be of, each with what fills its holes."""
        first, last = text.partition(" ")[0], text.rpartition(" ")[2]
        for ends in ((first, last), (first, ""), ("", last), ("", "")):
            for kind, phrase in self.by_ends.get(ends, ()):
                values = phrase.read(text)
                if values is not None:
                    yield kind, values


@cache
def open_phrasebook() -> Phrasebook:
    """Return the phrases, read once."""
    words = read_table("phrases", _Words)
    texts = {task.kind: task.texts for task in words.tasks}
    for part in open_book().parts.values():
        texts |= {f"problem/{name}": stories for name, stories in part.stories.items()}
    tasks = {kind: tuple(Phrase.of(text) for text in found) for kind, found in texts.items()}
    by_ends: dict[tuple[str, str], list[tuple[str, Phrase]]] = {}
    for kind, phrases in tasks.items():
        for phrase in phrases:
            first, after, _ = phrase.pieces[0].partition(" ")
            _, before, last = phrase.pieces[-1].rpartition(" ")
            by_ends.setdefault((first if after else "", last if before else ""), []).append((kind, phrase))
    return Phrasebook(words=words, tasks=tasks, by_ends={ends: tuple(phrases) for ends, phrases in by_ends.items()})


def marked(names: Iterable[str]) -> str:
    """Return names in bold type, as a list in a sentence."""
    bold = [f"**{name}**" for name in names]
    return " and ".join([", ".join(bold[:-1]), bold[-1]] if len(bold) > 1 else bold)


def marks(text: str) -> list[str]:
    """Return the names in bold type, in order."""
    return _MARKED.findall(text)
