"""What must not be published with a data set: hosts of servers, paths of this machine, notes of nodes, and keys.

In a card and a manifest it is blotted out. Rows are as they were paid for: what is found in them is told, and a row is
never changed.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Final

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from glan.dataset.shards import ROW_GROUP_ROWS
from glan.errors import ConfigError
from glan.manifests import Manifest
from glan.project import Project
from glan.settings import TeacherSettings
from glan.teachers.panel import Named, hosts_of
from glan.teachers.providers import providers
from glan.teachers.specs import is_loopback

KEY: Final = "key"
_MIN_NOTE_WORDS: Final = 4
"""Shorter notes are words that any text may hold."""
_MIN_PATH_PARTS: Final = 3
"""Shorter paths, such as /root, say nothing of anybody."""
_TEXTS: Final = ("messages", "reasoning")
"""What a model wrote freely."""
_WORD: Final = re.compile(r"[^\W_]+")
_MODELS: Final = ("question_model", "answer_model")
_IS_PATH: Final = r"^(?:/|~|[A-Za-z]:\\).*"
_ESCAPED: Final = {"&": "(?:&|&amp;)", "<": "(?:<|&lt;)", ">": "(?:>|&gt;)", ":": "(?::|&#58;)"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Something private in the rows of a file."""

    file: str
    column: str
    kind: str
    """`host`, `path`, `note` or `key`."""
    text: str
    """What was found; of a key nothing."""
    times: int


@dataclass(frozen=True)
class Private:
    """What is private about a project."""

    hosts: frozenset[str]
    paths: frozenset[str]
    notes: Mapping[str, Sequence[str]]
    """Those that the prompts about a discipline have, by its title."""
    keys: frozenset[str] = field(repr=False)
    home: str | None = None
    """The home of the user: hidden in a card, but any text may name a folder that is called so."""

    def hide(self, text: str) -> tuple[str, Counter[str]]:
        """Return the text of a card or a manifest without any of it, and how often each kind stood there."""
        hidden: Counter[str] = Counter()
        for kind, pattern in {**self._in_text, **self._notes_in(text)}.items():
            text, times = re.subn(pattern, f"[{kind}]", text)
            hidden[kind] += times
        return text, +hidden

    def found_in(self, path: Path, name: str) -> Iterator[Found]:
        """Yield what is found in a file of rows, of each kind and column once."""
        with pq.ParquetFile(path) as file:
            times: Counter[tuple[str, str]] = Counter()
            texts: dict[tuple[str, str], str] = {}
            for batch in file.iter_batches(ROW_GROUP_ROWS):
                for column, kind, found in self._found(batch):
                    times[column, kind] += found.true_count
                    if found.true_count:
                        texts.setdefault((column, kind), found.first)
        for (column, kind), n_times in sorted((+times).items()):
            text = "" if kind == KEY else texts[column, kind]
            yield Found(file=name, column=column, kind=kind, text=text, times=n_times)

    def _found(self, batch: pa.RecordBatch) -> Iterator[tuple[str, str, "_Hits"]]:
        for column in batch.schema.names:
            for strings in _strings(batch[column]):
                for kind, pattern in self._in_rows.items():
                    yield column, kind, _Hits.of(strings, pattern)
                if column in _MODELS:
                    yield column, "path", _Hits.of(strings, _IS_PATH)
        if self.notes:
            yield from self._echoed(batch)

    def _echoed(self, batch: pa.RecordBatch) -> Iterator[tuple[str, str, "_Hits"]]:
        """Yield notes that a model has repeated; it saw those of its discipline alone."""
        texts = batch.select([name for name in _TEXTS if name in batch.schema.names])
        for title in pc.unique(batch["discipline"]).to_pylist():
            pattern = "|".join(map(_plainly, self.notes.get(title, ())))
            if pattern:
                rows = texts.filter(pc.equal(batch["discipline"], title))
                for column in rows.schema.names:
                    for strings in _strings(rows[column]):
                        yield column, "note", _Hits.of(strings, pattern)

    def _notes_in(self, text: str) -> Mapping[str, str]:
        """Return a pattern of the notes that may stand in a text: those of which the longest word does."""
        notes = {note for found in self.notes.values() for note in found}
        return _patterns({"note": [_loosely(note) for note in notes if max(_WORD.findall(note), key=len) in text]})

    @cached_property
    def _in_text(self) -> Mapping[str, str]:
        """For each kind a pattern of it, also as a card or JSON escapes it."""
        paths = self.paths | ({self.home} if self.home is not None else set())
        return _patterns(
            {
                KEY: [_loosely(key) for key in self.keys],
                "host": [_host(host, _loosely) for host in self.hosts],
                "path": [_loosely(path) + r"[^\s\\\"'|`,;)]*" for path in paths],
            }
        )

    @cached_property
    def _in_rows(self) -> Mapping[str, str]:
        """The same for the texts of rows; both engines of patterns that read them understand these."""
        return _patterns(
            {
                KEY: [_plainly(key) for key in self.keys],
                "host": [_host(host, _plainly) for host in self.hosts],
                "path": [_plainly(path) for path in self.paths],
            }
        )


@dataclass(frozen=True, slots=True)
class _Hits:
    """How many texts of a column hold something, and what the first of them holds."""

    true_count: int
    first: str

    @classmethod
    def of(cls, strings: pa.Array, pattern: str) -> "_Hits":
        mask = pc.match_substring_regex(strings, pattern)
        count = pc.sum(mask).as_py() or 0
        if not count:
            return cls(0, "")
        match = re.search(pattern, strings[pc.index(mask, True).as_py()].as_py())
        return cls(count, match[0][:200] if match is not None else "")


def private_to(project: Project, manifest: Manifest, token: str | None = None) -> Private:
    """Return what is private about a project, as far as its files, the environment and the last run tell it."""
    folder = project.folder.resolve()
    notes = {found.title: [note for note in found.notes if _is_telling(note)] for found in project.taxonomy.disciplines}
    home = _home()
    return Private(
        hosts=frozenset(_private_hosts(project, manifest)),
        paths=frozenset(str(path) for path in (folder,) if len(path.parts) >= _MIN_PATH_PARTS),
        notes={title: some for title, some in notes.items() if some},
        keys=project.environment.keys() | ({token} if token is not None else set()),
        home=str(home) if home is not None and len(home.parts) >= _MIN_PATH_PARTS else None,
    )


def _is_telling(note: str) -> bool:
    return len(_WORD.findall(note)) >= _MIN_NOTE_WORDS


def _home() -> Path | None:
    try:
        return Path.home().resolve()
    except RuntimeError:
        return None


def _private_hosts(project: Project, manifest: Manifest) -> Iterator[str]:
    """Yield the hosts of a project's servers, without those of known providers, which are no secret."""
    known = {_host_of(one.base_url) for one in providers().values() if one.base_url is not None} | {*providers()}
    for host in (*_named(project), *(one.endpoint for one in manifest.answered if one.endpoint is not None)):
        if host and host.lower() not in known:
            yield host.lower()


def _named(project: Project) -> Iterator[str]:
    config, environment = project.config, project.environment
    with suppress(ConfigError):  # a teacher that cannot be asked as things are; what its settings name is still private
        yield from [found.host for found in hosts_of(config, environment, Named(spec=None))]
    roles: Mapping[str, TeacherSettings] = msgspec.structs.asdict(config.teachers)
    for settings in roles.values():
        yield from map(_host_of, (*settings.base_urls, *((settings.spec or "").split("@")[1:])))
    for one in providers().values():
        if one.base_url_env is not None and (url := environment.get(one.base_url_env)) is not None:
            yield _host_of(url)


def _host_of(url: str) -> str:
    return url.partition("://")[2].partition("/")[0].lower()


def _patterns(parts: Mapping[str, Iterable[str]]) -> Mapping[str, str]:
    found = {kind: sorted(some, key=lambda one: (-len(one), one)) for kind, some in parts.items()}
    return {kind: "|".join(f"(?:{one})" for one in some) for kind, some in found.items() if some}


def _host(host: str, spelt: Callable[[str], str]) -> str:
    """Return a pattern of a host with what stands around it in an address; an ordinary word is none by itself."""
    name = re.sub(r":\d+$", "", host)
    scheme, any_port = spelt("https").replace("s", "s?") + spelt("://"), r":\d{1,5}"
    begin = r"\b" if name[:1].isalnum() else ""  # an address of IPv6 stands in brackets
    end = r"\b" if name[-1:].isalnum() else ""
    if is_loopback(host):
        return rf"(?:{scheme})?{begin}{spelt(host)}\b" if name != host else rf"{scheme}{spelt(name)}{end}"
    if name.isalpha():
        return rf"{scheme}{spelt(name)}\b(?:{any_port})?|\b{spelt(name)}{any_port}"
    return rf"(?i:(?:{scheme})?{begin}{spelt(name)}{end}(?:{any_port})?)"


def _plainly(text: str) -> str:
    """Return a pattern of a text as rows have it, whatever its white space."""
    return r"\s+".join(map(re.escape, text.split()))


def _loosely(text: str) -> str:
    """Return a pattern of a text also as Markdown, HTML and JSON escape it."""
    words = ("".join(_ESCAPED.get(letter, rf"\\?{re.escape(letter)}") for letter in word) for word in text.split())
    return r"(?:\s|\\[nrt])+".join(words)


def _strings(column: pa.Array) -> Iterator[pa.Array]:
    """Yield every array of texts inside a column, whatever lists and structs they stand in."""
    if pa.types.is_string(column.type):
        yield column
    elif pa.types.is_list(column.type):
        yield from _strings(column.flatten())
    elif pa.types.is_struct(column.type):
        for inner in column.flatten():
            yield from _strings(inner)
