"""How a simulated server behaves: its speed, its limits, what it spoils and when it dies."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from glan.errors import ConfigError
from glan.teachers.faults import CONTENT_FAULTS, TRANSPORT_FAULTS, check_rates
from glan.teachers.simulate_batches import BatchBehaviour

_FROM_NOTHING = (
    "latency_ms", "jitter_ms", "stall_s", "retry_after_s", "reasoning", "step_ms", "step_ms_per_request",
    "prefix_cache", "returns_after_s",
)  # fmt: skip
_FROM_ONE = ("capacity", "rpm", "tpm", "changes_after", "dies_after")


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulated:
    """How a simulated server behaves."""

    seed: int = 0
    latency_ms: float = 0
    """Time before each reply."""
    jitter_ms: float = 0
    """Up to this much more, by seed and arrival."""
    faults: Mapping[str, float] = field(default_factory=dict)
    """Rates by fault, as `parse_faults` gives them."""
    stall_s: float = 60
    """How long a stalled reply is held."""
    retry_after_s: float = 0
    """How long a 429 asks the client to wait."""
    step_ms: float = 0
    """Time of a step, in which every reply that is served grows by one token."""
    step_ms_per_request: float = 0
    """A step takes so much longer for each request that is served at once."""
    prefix_cache: int = 0
    """So many tokens of prompts are kept; a prompt that begins like one of them has cached tokens in its usage."""
    capacity: int | None = None
    """So many requests are served at once: the most in a batch, where there are steps."""
    queues: bool = False
    """What comes beyond them waits for its turn; otherwise it gets a 429."""
    rpm: int | None = None
    """Requests a minute; headers tell what is left."""
    tpm: int | None = None
    """Tokens a minute, of prompts and replies."""
    api_key: str | None = field(default=None, repr=False)
    """The key that requests must bear; where there is none, none is asked for."""
    reasoning: int = 0
    """Tokens that the models think before each reply, unless they are told not to."""
    refused: tuple[str, ...] = ()
    """Keys of the body that the models do not take."""
    models: tuple[str, ...] = ()
    """The models there are; where none is named, every name is one."""
    batches: BatchBehaviour = field(default_factory=BatchBehaviour)
    changes_after: int | None = None
    """After so many paid replies another model answers to every name: what it returns as its own name and system
    fingerprint is another from then on."""
    dies_after: int | None = None
    """Once so many replies were paid the socket is closed, every connection is cut, and nobody can connect."""
    returns_after_s: float | None = None
    """So long after that it serves again, at the same address and for good; without it never."""
    hosts: tuple[str, ...] = ("127.0.0.1", "localhost", "[::1]")
    """Names by which the server may be called, so that no web page reaches it by a name of its own."""

    def __post_init__(self) -> None:
        check_rates(self.faults, [*CONTENT_FAULTS, *TRANSPORT_FAULTS])
        for name in _FROM_NOTHING:
            value = getattr(self, name)
            if value is not None and not (value >= 0 and math.isfinite(value)):
                raise ConfigError(f"The setting {name} of the simulated server is {value}; it is 0 or more.")
        for name in _FROM_ONE:
            number = getattr(self, name)
            if number is not None and number < 1:
                raise ConfigError(f"The setting {name} of the simulated server is {number}; it is 1 or more.")
