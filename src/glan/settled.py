"""Whether a finished data set is what a run would make: where nothing has changed since, there is nothing to do.

It refuses to guess. Everything that a data set rests on is in its basis, and the files of the data set are read whole:
one byte that is another, in either, and the run walks.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import glan
from glan import claims
from glan.disk import sha256_of
from glan.generate.merging import told_of_near_names
from glan.manifests import Manifest
from glan.progress import Progress
from glan.project import Project
from glan.records import Outcome, Stage
from glan.teachers.identities import told_of_changes
from glan.teachers.ledger import Ledger
from glan.teachers.ledgered import Choice
from glan.teachers.watched import told_of_cuts

_FOLDERS = ("dataset", "rejects")
_COUNTED = {Outcome.PAIR: "pairs", Outcome.REJECT: "rejects", Outcome.FAILURE: "failures"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """What a data set rests on, except N and the replies."""

    inputs: Mapping[str, str]
    """Hashes of the files that the run reads, as they were when it began; of rules.py only where it runs."""
    meaning: Mapping[str, str]
    """What reaches the requests."""
    models: Mapping[Stage, str]
    choice: Choice

    def with_replies(self, ledger: Ledger) -> str:
        """Return a hash of everything, with the state of the ledger: rows only ever come."""
        parts: dict[str, Any] = {
            "version": glan.__version__,
            "inputs": dict(self.inputs),
            "meaning": dict(self.meaning),
            "models": {stage.value: model for stage, model in self.models.items()},
            "choice": self.choice.value,
            "replies": [ledger.count(), ledger.last_seq()],
        }
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def settled(project: Project, basis: str, *, pairs: int) -> Manifest | None:
    """Return the manifest of the data set that stands, if a run for so many pairs would make the same again."""
    manifest = project.manifest()
    if manifest is None or not manifest.complete or (manifest.pairs_wanted, manifest.basis) != (pairs, basis):
        return None
    return manifest if _files_of(project.made_path) == manifest.files else None


def count_again(manifest: Manifest, progress: Progress) -> None:
    """Count what the data set that stands was made of, as the run that made it did."""
    progress.outcomes = Counter({outcome: manifest.slots[name] for outcome, name in _COUNTED.items()})
    progress.by_leaf = {leaf: list(counts) for leaf, counts in manifest.by_leaf.items()}
    progress.reasons = Counter(
        {(str(ended["stage"]), str(ended["reason"])): int(ended["slots"]) for ended in manifest.reasons}
    )


def told_again(manifest: Manifest) -> Iterator[str]:
    """Give what the run that made the data set told, as far as it is about the data set."""
    yield from filter(None, [told_of_cuts(manifest.cut_prompts)])
    yield from told_of_changes(manifest.answered)
    yield from told_of_near_names(manifest.near_names)
    unread = manifest.quantities.get("unread")
    yield from claims.unread(unread if isinstance(unread, dict) else {}, manifest.slots["pairs"])


def _files_of(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of each file of the data set."""
    paths = [path for name in _FOLDERS for path in (folder / name).rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): sha256_of(path) for path in paths}
