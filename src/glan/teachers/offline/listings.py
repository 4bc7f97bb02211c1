"""From a draft to JSON, by reading the draft: headings are subjects or class sessions, bullets what belongs to them."""

import re
from dataclasses import dataclass, field

import msgspec

from glan.parsing import clean
from glan.records import Level
from glan.teachers.offline.reader import ConfusedError

_HEADING = re.compile(r"#{1,6}\s+(.+)|\*\*([^*]+)\*\*:?$|((?:Session|Class|Week|Lecture|Subject)\s+\d+\s*[:.)].+)")
_NUMBERED = re.compile(r"\d{1,3}[.)]\s+(.+)")
_BULLET = re.compile(r"(?:[-*+\u2022]|\d{1,3}[.)])\s+(.+)")
_NUMBER = re.compile(r"^(?:(?:session|class|week|lecture|subject)\s+)?\d{1,3}\s*[:.)\-]\s*", re.IGNORECASE)
_LEVEL = re.compile(r"\b(introductory|intermediate|advanced|graduate)\b", re.IGNORECASE)
_LEVEL_AT_END = re.compile(
    r"\s*[(\[,:\u2013\u2014-]+\s*(?:level\s*:?\s*)?(?:introductory|intermediate|advanced|graduate)(?:\s+level)?\s*[)\]]?\s*$",
    re.IGNORECASE,
)
_LONGEST = 400
"""Most characters of a heading or a bullet that are read: a name has fewer."""
_INNER = ("key concepts", "key concept", "subtopics", "description", "introduction", "level", "overview")
"""Headings inside a subject or a class session."""


@dataclass(slots=True)
class _Block:
    heading: str
    lines: list[str] = field(default_factory=list)
    bullets: list[str] = field(default_factory=list)


def list_subjects(draft: str) -> str:
    """Return the subjects of a draft as JSON."""
    blocks = [block for block in _blocks(draft) if block.bullets or _LEVEL.search(block.heading)]
    if not blocks:
        raise ConfusedError("I cannot see any list of subjects in the text above.")
    subjects = [
        {"subject_name": _subject_name(block.heading), "level": _level(block), "subtopics": block.bullets}
        for block in blocks
    ]
    return msgspec.json.encode({"subjects": subjects}).decode()


def list_sessions(draft: str) -> str:
    """Return the class sessions of a draft as JSON."""
    sessions = [
        {"session_name": _NUMBER.sub("", block.heading), "key_concepts": block.bullets}
        for block in _blocks(draft)
        if block.bullets
    ]
    if not sessions:
        raise ConfusedError("I cannot see any class sessions in the text above.")
    return msgspec.json.encode({"sessions": sessions}).decode()


def _blocks(draft: str) -> list[_Block]:
    """Return the headings of a draft with what stands below each; where there are none, numbered lines serve."""
    lines = [stripped for line in clean(draft).split("\n") if (stripped := line.strip())]
    return _split(lines, _HEADING) or _split(lines, _NUMBERED)


def _split(lines: list[str], pattern: re.Pattern[str]) -> list[_Block]:
    blocks: list[_Block] = []
    for line in lines:
        heading = pattern.match(line)
        if heading:
            title = next(part for part in heading.groups() if part)[:_LONGEST].strip("*#: ")
            if title.casefold() not in _INNER:
                blocks.append(_Block(title))
        elif blocks:
            bullet = _BULLET.match(line)
            if bullet:
                blocks[-1].bullets.append(_bullet_name(bullet[1][:_LONGEST]))
            else:
                blocks[-1].lines.append(line)
    return blocks


def _bullet_name(text: str) -> str:
    """Return the name at the beginning of a bullet, without the sentence that explains it."""
    if text.startswith("**") and (end := text.find("**", 2)) > 0:
        return text[2:end].strip(": ")
    return text.split(": ", 1)[0].strip()


def _subject_name(heading: str) -> str:
    return _LEVEL_AT_END.sub("", _NUMBER.sub("", heading)).strip()


def _level(block: _Block) -> str:
    for line in (block.heading, *block.lines):
        found = _LEVEL.search(line)
        if found and (line is block.heading or line.casefold().startswith(("level", "**level"))):
            return found[1].casefold()
    return Level.INTRODUCTORY.value
