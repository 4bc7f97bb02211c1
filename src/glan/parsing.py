"""From the text of a reply to records, or a `ReplyError` that says what is wrong. Pure and total.

A reply that a strict reader takes is read at once; a fenced, chatty or broken one is read leniently, then validated.

    {"subjects": [{"subject_name": "Orbital mechanics", "level": "advanced", "subtopics": ["Kepler's laws"]}]}
    {"sessions": [{"session_name": "1. Two bodies", "key_concepts": ["Centre of mass", "Reduced mass"]}]}
    {"parts": [{"part_name": "Stellar astronomy"}, {"part_name": "Cosmology"}]}
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Literal, TypeVar

import msgspec
from msgspec.structs import replace

from glan.errors import ReplyError
from glan.places import key_of
from glan.records import Level, Session, Subject

T = TypeVar("T")

MAX_NAME_LENGTH = 300
"""Longest name of a subject, session or key concept, in characters: what is longer is no name."""
MAX_ITEMS = 1_000
"""Most subjects of a listing, sessions of a syllabus or concepts of a session."""
_LENIENT_LENGTH = 60_000
"""Above this many characters a broken reply is not mended: mending is slow, and no listing is so long."""
_LENIENT_DEPTH = 20
"""Most brackets open at once in a reply that is mended; a listing needs four."""

_STRING: Mapping[str, object] = {"type": "string"}
_STRINGS: Mapping[str, object] = {"type": "array", "items": _STRING}
_INTEGER: Mapping[str, object] = {"type": "integer"}
"""Without bounds, which not every server takes; who reads the reply holds it to them."""


def _flat(properties: Mapping[str, object]) -> Mapping[str, object]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _object(name: str, item: Mapping[str, object]) -> Mapping[str, object]:
    return _flat({name: {"type": "array", "items": _flat(item)}})


SCHEMAS: Mapping[str, Mapping[str, object]] = {
    "subjects": _object(
        "subjects",
        {
            "subject_name": {"type": "string"},
            "level": {"type": "string", "enum": [level.value for level in Level]},
            "subtopics": _STRINGS,
        },
    ),
    "sessions": _object("sessions", {"session_name": {"type": "string"}, "key_concepts": _STRINGS}),
    "parts": _object("parts", {"part_name": _STRING}),
    "votes": _object(
        "votes",
        {"number": _INTEGER, "vote": {"type": "string", "enum": ["keep", "remove", "unsure"]}, "comment": _STRING},
    ),
    "rating": _flat({"reason": _STRING, "answerability": _INTEGER, "difficulty": _INTEGER}),
    "scores": _flat(
        {
            "reason": _STRING,
            "correctness": _INTEGER,
            "helpfulness": _INTEGER,
            "clarity": _INTEGER,
            "difficulty": _INTEGER,
        }
    ),
    "comparison": _flat({"reason": _STRING, "first": _INTEGER, "second": _INTEGER}),
    "grade": _flat({"reason": _STRING, "score": _INTEGER}),
    "safety": _flat({"categories": _STRINGS, "verdict": {"type": "string", "enum": ["safe", "unsafe"]}}),
}
"""JSON schemas by name, for servers that can hold a reply to one."""

_LEVELS: Mapping[str, Level] = {
    **{level.value: level for level in Level},
    "beginner": Level.INTRODUCTORY,
    "basic": Level.INTRODUCTORY,
    "elementary": Level.INTRODUCTORY,
    "foundational": Level.INTRODUCTORY,
    "undergraduate": Level.INTERMEDIATE,
    "medium": Level.INTERMEDIATE,
    "expert": Level.ADVANCED,
    "postgraduate": Level.GRADUATE,
    "master": Level.GRADUATE,
    "doctoral": Level.GRADUATE,
}
_NUMBERING = re.compile(
    r"^(?:(?:session|class|week|lecture|lesson|unit|module)\s*)?\d{1,3}\s*[.:)\-]\s+", re.IGNORECASE
)

_PLAIN_NAME = re.compile(r"[A-Za-z][A-Za-z'-]*(?: [A-Za-z'-]+)*")
"""Most names: without a digit there is no numbering, and nothing else has to be taken off."""
_INSIDE = str.maketrans("", "", " '-\n")
_ODD = ("  ", "\n ", " \n", "\n\n", "\n-", "\n'")
"""What is not within plain names that stand on lines of their own."""
_BRACKETS = re.compile(r"[{}\[\]]")


class _SubjectItem(msgspec.Struct):
    subject_name: str
    level: str = "introductory"
    subtopics: list[str] = []


class _SubjectList(msgspec.Struct):
    subjects: list[_SubjectItem]


class _SessionItem(msgspec.Struct):
    session_name: str
    key_concepts: list[str]


class _SessionList(msgspec.Struct):
    sessions: list[_SessionItem]


class _PartItem(msgspec.Struct):
    part_name: str


class _PartList(msgspec.Struct):
    parts: list[_PartItem]


class _VoteItem(msgspec.Struct):
    number: int
    vote: Literal["keep", "remove", "unsure"]
    comment: str


class _VoteList(msgspec.Struct):
    votes: list[_VoteItem]


class _Rating(msgspec.Struct):
    reason: str
    answerability: int
    difficulty: int


class _Scores(msgspec.Struct):
    reason: str
    correctness: int
    helpfulness: int
    clarity: int
    difficulty: int


class _Safety(msgspec.Struct):
    categories: list[str]
    verdict: Literal["safe", "unsafe"]


_SUBJECTS = msgspec.json.Decoder(_SubjectList)
_SESSIONS = msgspec.json.Decoder(_SessionList)
_PARTS = msgspec.json.Decoder(_PartList)
_FORMS: Mapping[str, type] = {
    "subjects": _SubjectList,
    "sessions": _SessionList,
    "parts": _PartList,
    "votes": _VoteList,
    "rating": _Rating,
    "scores": _Scores,
    "comparison": msgspec.defstruct("_Comparison", [("reason", str), ("first", int), ("second", int)]),
    "grade": msgspec.defstruct("_Grade", [("reason", str), ("score", int)]),
    "safety": _Safety,
}


def clean(text: str) -> str:
    """Return text that can be stored and shown: no lone surrogates, no NULs or other control characters.

    Line feeds and tabs stay, carriage returns become line feeds, and what is removed becomes U+FFFD.
    """
    if text.isascii() and text.isprintable():
        return text
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", text)


_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def parse_subjects(text: str) -> tuple[Subject, ...]:
    """Return the subjects of a listing, each key once, in order.

    Raises:
        ReplyError: the reply is no such list, or it is empty.

    """
    found = _decode(_SUBJECTS.decode, _SubjectList, "subjects", text)
    subjects: dict[str, Subject] = {}
    for item in found.subjects[:MAX_ITEMS]:
        name = _name(item.subject_name)
        if name:
            subject = Subject(
                name=name,
                key=key_of(name),
                level=_level(item.level),
                subtopics=tuple(_names(item.subtopics)),
            )
            subjects.setdefault(subject.key, subject)
    if not subjects:
        raise ReplyError("The list has no subject with a name.", text=text)
    return tuple(subjects.values())


def parse_sessions(text: str) -> tuple[Session, ...]:
    """Return the class sessions of a syllabus in order; sessions of one name are joined, empty ones left out.

    Raises:
        ReplyError: the reply is no such list, or no session has a key concept.

    """
    found = _decode(_SESSIONS.decode, _SessionList, "sessions", text)
    sessions: dict[str, Session] = {}
    items = found.sessions[:MAX_ITEMS]
    keyed = _keyed([text for item in items for text in (item.session_name, *item.key_concepts)])
    for item in items:
        name, key = keyed[item.session_name]
        concepts = tuple(_names(item.key_concepts, keyed))
        if not name or not concepts:
            continue
        known = sessions.get(key)
        if known is None:
            sessions[key] = Session(name=name, key=key, key_concepts=concepts)
        else:
            sessions[key] = replace(known, key_concepts=tuple(_names([*known.key_concepts, *concepts])))
    if not sessions:
        raise ReplyError("The list has no session with a name and a key concept.", text=text)
    return tuple(sessions.values())


def parse_parts(text: str) -> tuple[str, ...]:
    """Return the names of the parts of a branch, each key once, in order; none where the list is empty.

    An empty list is an answer: what is asked about has no parts. A list of which no name can be read is none.

    Raises:
        ReplyError: the reply is no such list, or no part in it has a name.

    """
    try:
        texts = [item.part_name for item in _PARTS.decode(text).parts]
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        texts = _lenient_parts(text)
    names = tuple(_names(texts[:MAX_ITEMS]))
    if texts and not names:
        raise ReplyError("The list has no part with a name.", text=text)
    return names


def _lenient_parts(text: str) -> list[str]:
    """Read a list that is not as it should be; names may stand in it without their key."""
    try:
        found = mend(text)
        items = _listed(found.get("parts") if isinstance(found, dict) else found, text)
        return [item if isinstance(item, str) else msgspec.convert(item, _PartItem).part_name for item in items]
    except (msgspec.ValidationError, ValueError, RecursionError) as error:
        raise ReplyError(f'The reply is not a JSON object with the key "parts": {error}.', text=text) from error


def _listed(items: object, text: str) -> list[object]:
    """Return a list, or lines of objects; what mending makes of a text that breaks off is none.

    An empty list stands in the text as such.
    """
    is_written = "[]" in "".join(text.split()) if not items else "[" in text or "part_name" in text
    if not isinstance(items, list) or not is_written:
        raise ValueError("it has no list under this key")
    return items


def has_form(text: str, schema: str) -> bool:
    """Say whether a text is JSON in the form of a schema as it stands, with nothing around it."""
    try:
        msgspec.json.decode(text, type=_FORMS[schema])
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        return False
    return True


def _decode(strict: Callable[[str], T], kind: type[T], name: str, text: str) -> T:
    try:
        return strict(text)
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        pass
    try:
        return msgspec.convert(_lenient(text, name), kind)
    except (msgspec.ValidationError, ValueError, RecursionError) as error:
        raise ReplyError(f'The reply is not a JSON object with the key "{name}": {error}.', text=text) from error


def mend(text: str) -> object:
    """Read fenced, chatty, line by line or broken JSON.

    Raises:
        ValueError: there is none, or it is too long or too deep to be mended.

    """
    import json_repair  # noqa: PLC0415 - only broken replies need it

    if len(text) > _LENIENT_LENGTH or _depth(text) > _LENIENT_DEPTH:
        raise ValueError("it is not valid JSON, and too long or too deep to mend")
    start = min((i for i in (text.find("{"), text.find("[")) if i >= 0), default=-1)
    if start < 0:
        raise ValueError("it holds no JSON")
    end = max(text.rfind("}"), text.rfind("]")) + 1
    body = text[start:end] if end > start else text[start:]
    return _lines(body) or json_repair.loads(body)


def _lenient(text: str, name: str) -> object:
    """Read JSON that is not as it should be; a bare list is put under the name."""
    found = mend(text)
    if isinstance(found, list):
        return {name: [item for item in found if isinstance(item, dict)]}
    if isinstance(found, dict) and name not in found:
        lists = [value for value in found.values() if isinstance(value, list)]
        return {name: lists[0]} if len(lists) == 1 and "session_name" not in found else {name: [found]}
    return found


def _depth(text: str) -> int:
    """Return the most brackets open at once, those inside strings counted too."""
    depth = deepest = 0
    for bracket in _BRACKETS.findall(text):
        depth += 1 if bracket in "{[" else -1
        deepest = max(deepest, depth)
    return deepest


def _lines(body: str) -> list[object]:
    """Read JSON Lines; nothing if a line is not an object."""
    lines = [line for line in body.splitlines() if line.strip()]
    if len(lines) < 2:
        return []
    try:
        found: list[object] = [msgspec.json.decode(line) for line in lines]
    except (msgspec.DecodeError, RecursionError):
        return []
    return found if all(isinstance(item, dict) for item in found) else []


def _name(text: str) -> str:
    """Return a name on one line, without numbering and Markdown; empty if it is none."""
    if len(text) <= MAX_NAME_LENGTH and _PLAIN_NAME.fullmatch(text):
        return text
    name = " ".join(clean(text).split()).lstrip("*#`_ ").rstrip("*`_ ")
    if (bare := name.rstrip("#")).endswith(" "):  # the end of a Markdown heading; C# and F# are names
        name = bare.rstrip("*`_ ")
    name = _NUMBERING.sub("", name)
    if len(name) > MAX_NAME_LENGTH or not any(unicodedata.category(c)[0] in "LN" for c in name):
        return ""
    return name


def _keyed(texts: Sequence[str]) -> Mapping[str, tuple[str, str]]:
    """Return the name in each text and its key; where all are plain, as in most listings, in half of the time."""
    keys = _plain_keys(texts)
    if keys is not None:
        return dict(zip(texts, zip(texts, keys, strict=True), strict=True))
    names = {text: _name(text) for text in texts}
    return {text: (name, key_of(name)) for text, name in names.items()}


def _plain_keys(texts: Sequence[str]) -> Sequence[str] | None:
    """Return the keys of texts that are names as they stand: words of letters with one space between them."""
    joined = "\n".join(["", *texts, ""])
    if not joined.isascii() or not joined.translate(_INSIDE).isalpha() or any(odd in joined for odd in _ODD):
        return None
    keys = joined.lower().split("\n")[1:-1]
    return keys if len(keys) == len(texts) and max(map(len, texts)) <= MAX_NAME_LENGTH else None


def _names(texts: Sequence[str], keyed: Mapping[str, tuple[str, str]] | None = None) -> Iterable[str]:
    """Return the names of a list, each key once; what is known of more texts than these need not be found again."""
    keyed = _keyed(texts) if keyed is None else keyed
    found: dict[str, str] = {}
    for text in texts:
        name, key = keyed[text]
        if name:
            found.setdefault(key, name)
    return list(found.values())[:MAX_ITEMS]


def _level(text: str) -> Level:
    words = key_of(text)
    return next((level for word, level in _LEVELS.items() if word in words), Level.INTRODUCTORY)
