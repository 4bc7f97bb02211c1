"""What a run writes down beside its data set, for people and machines."""

import msgspec

from glan.teachers.identities import Answered


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What `manifest.json` says of the data set beside it."""

    glan_version: str
    made_at: str
    """Time of the exchange, UTC."""
    only: str | None = None
    """Path of the node whose disciplines alone the plan had, for a trial."""
    pairs_wanted: int
    complete: bool
    """Whether N was reached with no slot open before the last row."""
    prefix_rows: int
    """So many leading rows are the first rows of every longer data set."""
    ended: str
    """Why the run ended: `complete`, or the cause in a sentence."""
    slots: dict[str, int]
    """pairs, rejects, failures, open, and their sum `decided` without the open ones."""
    reasons: list[dict[str, str | int]]
    """How many slots ended in each stage for each reason."""
    seed: int
    language: str
    """The only one, or each with its share."""
    languages: dict[str, float] = {}
    """Their shares, as the settings have them."""
    choice: str
    """`exact`, `keep` or `reask`: what was done about replies under another fingerprint."""
    models: dict[str, str]
    """The model asked in each stage."""
    hashes: dict[str, str]
    """Of glan.toml, taxonomy.yaml, each prompt, each benchmark, and rules.py and reviews.jsonl if they are there."""
    leaves: dict[str, str]
    """Weight of each leaf that the plan had."""
    by_leaf: dict[str, tuple[int, int, int]] = {}
    """Pairs, rejects and failures of each leaf that had slots."""
    left: dict[str, str]
    """Leaves that left the walk, and why: `failed` or `exhausted`."""
    quantities: dict[str, object]
    """Statistics of the rows and rejects."""
    spent: dict[str, object]
    """Everything that the ledger has paid for, over all runs."""
    possibly_paid: dict[str, object] = {}
    """Calls that timed out or were cut off in flight, over all runs, and the most that they can have cost."""
    server_usd: float = 0.0
    """What servers cost by the hour, over all runs."""
    checked: list[str]
    not_checked: list[str]
    benchmarks: list[dict[str, object]] = []
    """What the pairs were held against: name, splits with their items, hash, and matches."""
    reviews: dict[str, object] = {}
    """What people made of the pairs: how many they judged, and the share that they found wrong, by discipline."""
    shards: list[dict[str, str | int]]
    files: dict[str, str] = {}
    """SHA-256 of every file of the data set and of the rejects, by its path in the project."""
    cut_prompts: int = 0
    """Replies that the run met and of which the server had cut the prompt."""
    not_taken: list[str] = []
    """Parameters that the models did not take in the run, and what they were sent instead."""
    answered: list[Answered] = []
    """Which models gave the replies that the run used, as the servers named them."""
    near_names: dict[str, object] = {}
    """Subjects and key concepts that were merged into earlier ones of nearly the same name, and the first of them."""
    basis: str = ""
    """Hash of everything that the data set rests on: where it is the same, a run would make the same again."""
