"""What is said of a data set before it is pushed: sentences, and whether a person has to agree to each."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from glan.errors import HubError
from glan.push.contents import Contents
from glan.push.private import KEY, Found, Private
from glan.push.repositories import Repository
from glan.teachers.specs import OFFLINE_MODEL
from glan.wording import few

_LICENSE: Final = re.compile(r"^license: ", re.MULTILINE)
_SHOWN: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """A sentence, and whether it needs a yes."""

    text: str
    asks: bool


def of_access(there: Repository | None, *, public: bool) -> Iterator[Remark]:
    """Yield who will see the data set, where that is not its owner alone."""
    if there is None:
        if public:
            yield Remark(text="The repository is made public: everybody can read it and copy it for good.", asks=True)
    elif not there.is_private:
        yield Remark(text=f"{there.name} is public: everybody can read it and copy it for good.", asks=True)
    elif public:
        yield Remark(text=f"{there.name} is private and stays so; its settings on the hub make it public.", asks=False)


def of_contents(contents: Contents, *, is_seen: bool) -> Iterator[Remark]:
    """Yield what a reader would expect of a data set and this one does not have; `is_seen` by everybody."""
    manifest = contents.manifest
    pairs, wanted = manifest.slots["pairs"], manifest.pairs_wanted
    if contents.is_card_edited:
        yield Remark(text="The card is not the one that the run wrote: it goes up as it was edited.", asks=False)
    if not manifest.complete:
        yield Remark(text=f"The data set is not complete: {pairs:,} rows of {wanted:,} ({manifest.ended}).", asks=True)
    if OFFLINE_MODEL in _models(contents):
        yield Remark(text="The offline teacher made it: it is for trying and testing, and no model's work.", asks=True)
    if _LICENSE.search(contents.card.partition("\n---\n")[0]) is None:
        yield Remark(
            text="The card names no licence, so nobody knows what they may do with the data set; `license` in "
            "[dataset] of glan.toml names one, and `glan run` writes it into the card.",
            asks=is_seen,
        )
    if not manifest.benchmarks:
        yield Remark(
            text="It was held against no benchmark, so items of test sets may be in it; `glan benchmarks fetch` gets "
            "them, and `glan run` looks.",
            asks=is_seen,
        )


def _models(contents: Contents) -> set[str]:
    quantities, asked = contents.manifest.quantities, contents.manifest.models.values()
    named = (quantities.get(name) for name in ("question_models", "answer_models"))
    return {*asked, *(model for models in named if isinstance(models, dict) for model in models)}


def of_strangers(name: str, strange: Sequence[str], beside: Sequence[str]) -> Iterator[Remark]:
    """Yield which files of others a push would write over, and which it leaves beside its own."""
    if strange:
        yield Remark(
            text=f"Files in {name} that glan did not put there are replaced: {few(strange, _SHOWN)}.", asks=True
        )
    if beside:
        yield Remark(text=f"{name} has other files of rows, which stay: {few(beside, _SHOWN)}.", asks=True)


def _of_found(found: Found) -> Remark:
    """Return what is said of something private in the rows."""
    kinds = {"host": "the host of a server", "path": "a path of this machine", "note": "the notes of a node"}
    return Remark(
        text=f"{found.file} holds {kinds[found.kind]} in the column {found.column}, {found.times:,} times: "
        f"{found.text!r}.",
        asks=True,
    )


def of_rows(
    contents: Contents, private: Private, files: Sequence[str], watch: Callable[[str], object]
) -> Iterator[Remark]:
    """See that the files that go up are those of the run and hold no key, and yield what else is private in them."""
    for name in files:
        if name in contents.shards:
            watch(name)
            contents.check(name)
            for found in private.found_in(contents.folder / name, name):
                if found.kind == KEY:
                    raise _key_found(found)
                yield _of_found(found)


def _key_found(found: Found) -> HubError:
    return HubError(
        f"{found.file} holds a key, in the column {found.column} of {found.times:,} rows; nothing was sent.",
        hint="Take the key out of use: it is in the data set and in the ledger. If it is none, take its variable out "
        "of the environment or the project's .env.",
    )
