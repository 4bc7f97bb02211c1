"""The story of a publication: a data set goes to a bucket or a folder, and its manifest last.

    what is there? ─► send what is new into a folder of its own ─► see that all of it is there ─► the manifest

Until the manifest is exchanged, in one put on the condition that nobody else has, readers see the version before.
What was sent before a break is found again by its name: it holds the hash of the whole data set.
"""

import asyncio
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import msgspec

import glan
from glan.errors import StorageError
from glan.project import Project
from glan.push.contents import CARD, Contents, contents_of
from glan.push.private import private_to
from glan.push.remarks import of_contents, of_rows
from glan.push.versions import (
    MANIFEST,
    File,
    Published,
    content_of,
    passed,
    read_published,
    render,
    version_after,
)
from glan.storage.stores import Found, Store, Watch
from glan.wording import counted

_AT_ONCE: Final = 4
"""Files on their way at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """What a publication would do, and does when it is told to."""

    store: Store
    contents: Contents
    card: bytes
    """Without what is private."""
    new: Published
    """What the manifest is going to say."""
    old: Published | None
    before: Found | None
    """The manifest that stands."""
    there: Mapping[str, int]
    """Bytes of what is in the folder of the new version already, by name."""
    notes: Sequence[str]

    @property
    def url(self) -> str:
        """Where the new version is going to be."""
        return f"{self.store.url}/{self.new.version}"

    @property
    def is_done(self) -> bool:
        """Say whether all of it is there already."""
        old, version = self.old, self.new.glan_version
        return old is not None and msgspec.structs.replace(old, glan_version=version) == self.new and not self.missing

    @property
    def missing(self) -> Sequence[str]:
        """The files that are not in the folder of the version."""
        return [name for name, file in self.new.files.items() if self.there.get(self._at(name)) != file.bytes]

    @property
    def copied(self) -> Mapping[str, str]:
        """Of the missing files those that the version before has, under which name each."""
        if self.old is None or self.old.version == self.new.version:
            return {}
        by_hash = {file.sha256: f"{self.old.version}/{name}" for name, file in self.old.files.items()}
        return {name: by_hash[sha] for name in self.missing if (sha := self.new.files[name].sha256) in by_hash}

    @property
    def sent(self) -> Sequence[str]:
        """The files that have to be sent."""
        copied = self.copied
        return [name for name in self.missing if name not in copied]

    @property
    def size_bytes(self) -> int:
        """What has to be sent."""
        return sum(self.new.files[name].bytes for name in self.sent)

    async def __call__(self, watch: Watch) -> Sequence[str]:
        """Send what is missing, then let the manifest name it; return what could not be tidied up.

        Raises:
            StorageError: the store failed, or somebody else published meanwhile: then theirs stands.

        """
        manifest = render(self.new)
        try:
            await self._bring(watch)
            await self.store.put(self._at(MANIFEST), manifest)
        except StorageError as error:
            raise await self._overtaken() or error from error
        await self._name(manifest)
        return await self.tidy()

    async def _bring(self, watch: Watch) -> None:
        """Send what is missing, and see that all of it is there."""
        await self._send(watch)
        lost = replace(self, there=await self.store.sizes(self.new.version)).missing
        if lost:
            raise StorageError(
                f"{self.store.url} took {lost[0]} and does not have it.", hint="`glan push --check URL` looks closer."
            )

    async def _overtaken(self) -> StorageError | None:
        """Return that somebody else published meanwhile, and tidied away what was being sent; None if nobody did."""
        with suppress(StorageError):
            standing = await self.store.read(MANIFEST)
            if standing is not None and (self.before is None or standing.data != self.before.data):
                return self._lost(standing)
        return None

    async def _send(self, watch: Watch) -> None:
        copied, turns = self.copied, asyncio.Semaphore(_AT_ONCE)

        async def bring(name: str) -> None:
            async with turns:
                if name in copied and await self._is_copied(copied[name], name):
                    return
                await self.store.put(self._at(name), self._source(name), watch)

        tasks = [asyncio.create_task(bring(name)) for name in self.missing]
        try:
            for task in tasks:
                await task
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _is_copied(self, name: str, to: str) -> bool:
        """Say whether a file was copied; one that cannot be is sent."""
        try:
            return await self.store.copy(name, self._at(to))
        except StorageError:
            return False

    def _source(self, name: str) -> Path | bytes:
        return self.card if name == CARD else self.contents.folder / name

    async def _name(self, manifest: bytes) -> None:
        """Let the manifest name the new version; where the answer is lost, or a no, the manifest itself tells."""
        cause: StorageError | None = None
        try:
            if self.before is None:
                is_named = await self.store.put_new(MANIFEST, manifest)
            else:
                is_named = await self.store.swap(MANIFEST, manifest, self.before.mark)
        except StorageError as error:
            is_named, cause = False, error
        if is_named:
            return
        standing = await self.store.read(MANIFEST)
        if standing is not None and standing.data == manifest:
            return
        if cause is not None:
            raise cause
        raise self._lost(standing)

    def _lost(self, standing: Found | None) -> StorageError:
        if standing is None:
            return StorageError(f"The {MANIFEST} at {self.store.url} was taken away meanwhile; nothing was published.")
        other = read_published(standing.data, self.store.url)
        return StorageError(
            f"Somebody else published to {self.store.url} meanwhile: version {other.version} with {other.rows:,} rows "
            "stands, and yours is not seen.",
            hint="If yours is to stand, publish again: it takes that one's place.",
        )

    async def tidy(self) -> Sequence[str]:
        """Take away what nobody can name any more; return what failed, which the next publication makes good."""
        try:
            for folder in passed(await self.store.folders(), self.new):
                await self.store.remove([*await self.store.sizes(folder)])
        except StorageError as error:
            return [f"Old files stay for now. {error}"]
        return []

    def _at(self, name: str) -> str:
        return f"{self.new.version}/{name}"


@contextmanager
def held(project: Project, watch: Callable[[str], object] = lambda _: None) -> Iterator["Prepared"]:
    """Hold the data set of a project until the block is left; `watch` is told each file before it is looked through.

    Raises:
        ProjectError: there is no data set, or another push goes on.
        DatasetError: it is not as the run wrote it.

    """
    with contents_of(project) as contents:
        private = private_to(project, contents.manifest)
        text, hidden = private.hide(contents.card)
        card = text.encode()
        files = {CARD: File(sha256=hashlib.sha256(card).hexdigest(), bytes=len(card))}
        for name, sha256 in contents.shards.items():
            files[name] = File(sha256=sha256, bytes=(contents.folder / name).stat().st_size)
        notes = [remark.text for remark in of_contents(contents, is_seen=False)]
        notes += [f"Blotted out of the card: {kind}, {times:,} times." for kind, times in hidden.items()]

        def look(names: Sequence[str]) -> Sequence[str]:
            return [remark.text for remark in of_rows(contents, private, names, watch)]

        yield Prepared(contents=contents, card=card, files=files, notes=notes, look=look)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A data set that is held, before anything is known of where it goes."""

    contents: Contents
    card: bytes
    files: Mapping[str, File]
    notes: Sequence[str]
    look: Callable[[Sequence[str]], Sequence[str]]
    """Looks through files of rows: returns what is private in them, and raises where one holds a key."""

    async def to(self, store: Store, *, keep: int) -> Publication:
        """Return what a publication there would do; nothing is changed yet. `keep` versions are kept.

        Raises:
            StorageError: the store is not reached, or something else than our manifest is in its place.
            DatasetError: a file is not what the run wrote.
            HubError: a key stands in a row.

        """
        before = await store.read(MANIFEST)
        old = read_published(before.data, store.url) if before is not None else None
        new = self._manifest(old, keep)
        there = await store.sizes(new.version)
        found = Publication(
            store=store,
            contents=self.contents,
            card=self.card,
            new=new,
            old=old,
            before=before,
            there=there,
            notes=self.notes,
        )
        seen = await asyncio.to_thread(self.look, found.sent)
        return replace(found, notes=[*self.notes, *seen])

    def _manifest(self, old: Published | None, keep: int) -> Published:
        manifest, content = self.contents.manifest, content_of(self.files)
        is_same = old is not None and old.content == content
        version = old.version if old is not None and is_same else version_after(old, content)
        before = [name for name in old.kept if name != version] if old is not None else []
        return Published(
            glan_version=glan.__version__,
            version=version,
            kept=[version, *before][:keep],
            rows=manifest.slots["pairs"],
            pairs_wanted=manifest.pairs_wanted,
            complete=manifest.complete,
            prefix_rows=manifest.prefix_rows,
            content=content,
            files=dict(self.files),
        )


async def look_at(store: Store) -> Published | None:
    """Return what stands at a place, None where there is nothing yet: what a run does before it begins.

    Raises:
        StorageError: the store is not reached, or something else than our manifest is in its place.

    """
    found = await store.read(MANIFEST)
    return read_published(found.data, store.url) if found is not None else None


def told_of(publication: Publication) -> str:
    """Say what is sent and what is not."""
    publication_missing, sent = publication.missing, publication.sent
    same = len(publication.new.files) - len(publication_missing)
    copied = len(publication_missing) - len(sent)
    return (
        f"{counted(len(sent), 'file')} to send, {counted(copied, 'file')} to copy from the version before, "
        f"{counted(same, 'file')} there already"
    )
