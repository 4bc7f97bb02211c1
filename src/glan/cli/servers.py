"""Commands that serve: simulate."""

import asyncio
from typing import TYPE_CHECKING, TypedDict, Unpack

import click

from glan.cli.screen import say
from glan.teachers.base import Teacher

if TYPE_CHECKING:
    from glan.teachers.simulate import Simulated


class _Given(TypedDict):
    """The options as click gives them."""

    port: int
    latency_ms: float
    jitter_ms: float
    seed: int
    replies: str
    size: int
    near_copies: float
    faults: tuple[str, ...]
    stall_s: float
    reasoning: int
    refused: str
    capacity: int | None
    queue: bool
    rpm: int | None
    tpm: int | None
    step_ms: str
    prefix_cache: int
    changes_after: int | None
    dies_after: int | None
    returns_after_s: float | None
    api_key: str | None
    batch_delay_s: float
    batch_expire: float
    batch_errors: float
    batch_refusals: float
    batch_deaths: tuple[str, ...]
    enqueued_tokens: int | None


@click.command("simulate")
@click.option("--port", type=click.IntRange(0, 65_535), default=8_000, show_default=True, help="0 takes a free one.")
@click.option("--latency-ms", type=click.FloatRange(min=0), default=0.0, show_default=True, help="Time of each reply.")
@click.option("--jitter-ms", type=click.FloatRange(min=0), default=0.0, help="Up to this much more.")
@click.option("--seed", type=int, default=0, show_default=True, help="Faults and filler follow from it.")
@click.option(
    "--replies",
    type=click.Choice(["textbook", "filler"]),
    default="textbook",
    show_default=True,
    help="Who answers: the offline teacher, or made-up words of any amount.",
)
@click.option("--size", type=click.IntRange(1), default=1_500, show_default=True, help="Characters of filler answers.")
@click.option(
    "--near-copies", type=click.FloatRange(0, 1), default=0.0, help="Share of near copies among filler questions."
)
@click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="NAME=RATE",
    help="A fault and its rate; may be given often. `--fault list` lists them.",
)
@click.option(
    "--stall-s", type=click.FloatRange(min=0), default=60.0, show_default=True, help="How long a stall lasts."
)
@click.option(
    "--reasoning", type=click.IntRange(min=0), default=0, metavar="N", help="Tokens of thinking before each reply."
)
@click.option(
    "--refuse",
    "refused",
    default="",
    metavar="NAMES",
    help="Parameters that are refused, such as temperature,max_tokens.",
)
@click.option(
    "--step-ms",
    default="0",
    metavar="A,B",
    help="Every reply at once grows by one token in a step, which takes A + B x (replies at once) ms.",
)
@click.option(
    "--prefix-cache",
    type=click.IntRange(min=0),
    default=0,
    metavar="TOKENS",
    help="Keep so many tokens of prompts; what a prompt begins with and is kept is told as cached.",
)
@click.option(
    "--capacity",
    type=click.IntRange(1),
    help="Serve so many at once, with --step-ms in one batch; the rest get a 429.",
)
@click.option("--queue", is_flag=True, help="The rest wait for their turn instead.")
@click.option("--rpm", type=click.IntRange(1), help="So many requests a minute; headers tell what is left.")
@click.option("--tpm", type=click.IntRange(1), help="The same for tokens, of prompts and replies.")
@click.option(
    "--changes-after", type=click.IntRange(1), metavar="N", help="Answer as another model after N paid replies."
)
@click.option(
    "--dies-after", type=click.IntRange(1), metavar="N", help="Close every connection after N paid replies, and end."
)
@click.option(
    "--returns-after",
    "returns_after_s",
    type=click.FloatRange(min=0),
    metavar="S",
    help="Serve again S seconds after that, for good.",
)
@click.option("--api-key", help="Ask for this key.")
@click.option("--batch-delay-s", type=click.FloatRange(min=0), default=0.0, help="Time of each batch.")
@click.option("--batch-expire", type=click.FloatRange(0, 1), default=0.0, help="Share of lines that no batch comes to.")
@click.option("--batch-errors", type=click.FloatRange(0, 1), default=0.0, help="Share of lines that fail for now.")
@click.option("--batch-refusals", type=click.FloatRange(0, 1), default=0.0, help="Share of lines refused for good.")
@click.option(
    "--batch-death",
    "batch_deaths",
    multiple=True,
    metavar="DEED",
    help="Say nothing after the first upload, hand-in or fetch, which is done all the same; may be given often.",
)
@click.option("--enqueued-tokens", type=click.IntRange(1), help="Tokens of all batches under way at once.")
def simulate_command(**given: Unpack[_Given]) -> None:
    """Serve an OpenAI-compatible API on this machine, with the offline teacher or filler behind it.

    POST /v1/chat/completions, GET /v1/models, files and batches, GET /stats.
    """
    from glan.teachers.faults import CONTENT_FAULTS, TRANSPORT_FAULTS  # noqa: PLC0415 - as below
    from glan.teachers.simulate import serve  # noqa: PLC0415 - only this command serves

    if given["queue"] and given["capacity"] is None:
        raise click.UsageError("--queue needs --capacity: without it all are served at once.")
    if given["returns_after_s"] is not None and given["dies_after"] is None:
        raise click.UsageError("--returns-after needs --dies-after: without it the server never leaves.")
    if "list" in given["faults"]:
        for name, line in {**CONTENT_FAULTS, **TRANSPORT_FAULTS}.items():
            say(f"  {name:16} {line}")
        return
    settings = _settings(given)
    try:
        stats = asyncio.run(serve(settings, _teacher(given), host="127.0.0.1", port=given["port"], on_ready=_announce))
        say(f"Dead, as told: {stats.received:,} requests came and {stats.paid:,} were paid.")
    except KeyboardInterrupt:
        say("Stopped.")


def _settings(given: _Given) -> "Simulated":
    from glan.teachers.simulate import BatchBehaviour, Simulated, parse_faults  # noqa: PLC0415 - only this command serves

    step_ms, step_ms_per_request = _step_of(given["step_ms"])
    return Simulated(
        seed=given["seed"],
        latency_ms=given["latency_ms"],
        jitter_ms=given["jitter_ms"],
        faults=parse_faults(given["faults"]),
        stall_s=given["stall_s"],
        reasoning=given["reasoning"],
        refused=tuple(name.strip() for name in given["refused"].split(",") if name.strip()),
        capacity=given["capacity"],
        queues=given["queue"],
        rpm=given["rpm"],
        tpm=given["tpm"],
        step_ms=step_ms,
        step_ms_per_request=step_ms_per_request,
        prefix_cache=given["prefix_cache"],
        changes_after=given["changes_after"],
        dies_after=given["dies_after"],
        returns_after_s=given["returns_after_s"],
        api_key=given["api_key"],
        batches=BatchBehaviour(
            delay_s=given["batch_delay_s"],
            expire=given["batch_expire"],
            errors=given["batch_errors"],
            refusals=given["batch_refusals"],
            enqueued_tokens=given["enqueued_tokens"],
            deaths=given["batch_deaths"],
        ),
    )


def _step_of(text: str) -> tuple[float, float]:
    """Return both parts of the time of a step, in milliseconds; the second may be left out."""
    first, _, second = text.partition(",")
    try:
        return float(first), float(second or 0)
    except ValueError as error:
        raise click.BadParameter(f"{text!r} is not A,B, such as 20,0.1.", param_hint="--step-ms") from error


def _teacher(given: _Given) -> Teacher:
    if given["replies"] == "filler":
        from glan.teachers.filler import Filler  # noqa: PLC0415 - only one of the two is needed

        return Filler(seed=given["seed"], size=given["size"], near_copies=given["near_copies"])
    from glan.teachers.offline import Textbook  # noqa: PLC0415 - likewise

    return Textbook()


def _announce(base_url: str) -> None:
    say(f"Serving on {base_url}; counts on {base_url.removesuffix('/v1')}/stats. Ctrl-C ends it.")
    say(f"  export OPENAI_BASE_URL={base_url}")
    say("  glan run --teacher openai/anything")
