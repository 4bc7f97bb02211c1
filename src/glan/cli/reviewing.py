"""Commands for people who judge: forms for votes on the tree and for pairs, and what comes back of the latter."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypedDict, Unpack

import click

from glan.cli.balloting import Balloting
from glan.cli.opening import only_option, opened_project
from glan.cli.screen import json_option, ledger_option, project_option, say, say_json, yes_option
from glan.cli.taking import Taken, reviewed_ids, texts_of
from glan.disk import append
from glan.errors import DatasetError, GlanError
from glan.places import key_of, slug
from glan.project import Project
from glan.reviews import NAME, Review, hash_of, line_of
from glan.taxonomy.votes import elements_of
from glan.wording import counted

if TYPE_CHECKING:
    from glan.show.forms import Pair

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.group("review")
def review_command() -> None:
    """Let people vote on the tree and judge pairs."""


@review_command.command("sample")
@project_option
@click.option("--taxonomy", "is_taxonomy", is_flag=True, help="A form for votes on the tree, instead of one for pairs.")
@click.option("--n", type=click.IntRange(1, 100_000), default=200, show_default=True, help="How many pairs.")
@click.option(
    "--by",
    type=click.Choice(["discipline", "field", "nothing"]),
    default="discipline",
    show_default=True,
    help="What the pairs are spread over, as the rows are.",
)
@click.option("--seed", type=int, help="Of the sample; the project's if not given. Another one gives other pairs.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["html", "csv"]),
    default="html",
    show_default=True,
    help="A page that opens in a browser, or a table for a spreadsheet.",
)
@click.option("--out", type=_FILE, help="The file; `votes` or `pairs` with .html or .csv in this folder if not given.")
@click.option("--force", is_flag=True, help="Replace a file that exists.")
@only_option
def sample_command(  # noqa: PLR0913 - each is an option
    folder: Path,
    *,
    only: str | None,
    is_taxonomy: bool,
    n: int,
    by: Literal["discipline", "field", "nothing"],
    seed: int | None,
    form: Literal["html", "csv"],
    out: Path | None,
    force: bool,
) -> None:
    """Write a form for people to fill in: one file, which opens from disk and sends nothing anywhere.

    The file that they save, or the table, comes back to `glan taxonomy vote` or to `glan review read`.
    """
    from glan.show import forms  # noqa: PLC0415 - the templates are loaded when they are needed

    project = opened_project(folder, None, only)
    name = project.name
    if is_taxonomy:
        elements = elements_of(project.taxonomy)
        data = forms.vote_form(elements, name=name) if form == "html" else forms.vote_sheet(elements)
        path = _write(out or Path(f"votes.{form}"), data, force=force)
        say(
            f"Wrote {counted(len(elements), 'element')} to vote on to {path}. "
            "Send it to each voter, and count what comes back:"
        )
        say("  glan taxonomy vote --votes FILE FILE ...")
        return
    pairs = _sampled(project, n, by, project.config.seed if seed is None else seed)
    data = forms.pair_form(pairs, name=name) if form == "html" else forms.pair_sheet(pairs)
    path = _write(out or Path(f"pairs.{form}"), data, force=force)
    say(f"Wrote {counted(len(pairs), 'pair')} to judge to {path}. Send it to each reviewer, and read what comes back:")
    say("  glan review read FILE FILE ...")


class _Voting(TypedDict):
    """The options of `glan review vote` as click gives them."""

    name: str | None
    out: Path | None
    ledger: Path | None
    spec: str | None
    samples: int
    budget_usd: float | None
    budget_tokens: int | None
    max_in_flight: int | None
    retry_failed: bool
    yes: bool


@review_command.command("vote")
@click.option("--name", help="Who votes; a model's name if not given.")
@click.option("--out", type=_FILE, help="The ballot; `ballot-NAME.json` in this folder if not given.")
@click.option("--teacher", "spec", metavar="SPEC", help="Let this model vote, in place of a person; as for `glan run`.")
@click.option(
    "--samples", type=click.IntRange(1, 20), default=1, show_default=True, help="Ballots of the model, each one voter."
)
@click.option("--budget-usd", type=click.FloatRange(min=0), help="As for `glan run`.")
@click.option("--budget-tokens", type=click.IntRange(min=0), help="As for `glan run`.")
@click.option("--max-in-flight", type=click.IntRange(1, 100_000), help="Most requests in flight at once.")
@click.option("--retry-failed", is_flag=True, help="Ask again for what failed.")
@yes_option
@project_option
@ledger_option
@click.pass_context
def vote_command(ctx: click.Context, folder: Path, **given: Unpack[_Voting]) -> None:
    """Vote on the tree in the terminal, one element after the other; go on where you ended.

    With --teacher a model votes: its ballot says that it is a model's, and counts as one voter.
    """
    project = Project.open(folder, given["ledger"])
    if given["spec"] is not None:
        ctx.exit(_vote_by_model(project, given["spec"], given))
    if given["name"] is None:
        raise click.UsageError("Say who votes: --name NAME, or --teacher SPEC for a model.")
    name = given["name"]
    elements = elements_of(project.taxonomy)
    balloting = Balloting.begin(elements, name, given["out"] or Path(f"ballot-{slug(name)}.json"))
    is_over = balloting.ask()
    say(f"\n{balloting.told}")
    say("Count it with `glan taxonomy vote`." if is_over else "The same command goes on from here.")


def _vote_by_model(project: Project, spec: str, given: _Voting) -> int:
    from glan.cli.model_voting import Wanted, vote  # noqa: PLC0415 - only a model needs what runs need
    from glan.options import Options  # noqa: PLC0415 - likewise

    options = Options(
        max_in_flight=given["max_in_flight"],
        budget_usd=given["budget_usd"],
        budget_tokens=given["budget_tokens"],
        retry_failed=given["retry_failed"],
    )
    name, out, samples = given["name"], given["out"], given["samples"]
    return vote(project, Wanted(spec=spec, name=name, out=out, samples=samples, options=options, yes=given["yes"]))


@review_command.command("read")
@click.argument("files", nargs=-1, required=True, type=_FILE)
@project_option
@json_option
def read_command(files: Sequence[Path], *, folder: Path, as_json: bool) -> None:
    """Take what people said of pairs into reviews.jsonl; the next `glan run` applies it.

    FILES are what the form saved, or tables. A dropped pair is replaced by the next one of the plan, so N stays N.
    """
    from glan.show.ballots import read_judgements  # noqa: PLC0415 - as above

    project = Project.open(folder)
    found = _together({path: read_judgements(path) for path in files})
    told = Taken.of(found, project.reviews, texts_of(project, {review.id for review in found}))
    if told.new:
        append(project.folder / NAME, b"".join(map(line_of, told.new)))
    if as_json:
        say_json(told.as_dict())
        return
    for line in told.lines():
        say(line)


def _together(found: Mapping[Path, Sequence[Review]]) -> list[Review]:
    """Return the verdicts of all files.

    Raises:
        DatasetError: one person says two things of one pair in two files.

    """
    known: dict[tuple[str, str, str], tuple[Path, Review]] = {}
    for path, reviews in found.items():
        for review in reviews:
            first, said = known.setdefault((*review.text, key_of(review.reviewer)), (path, review))
            if said != review:
                raise DatasetError(
                    f"{first} and {path} have two verdicts of {review.reviewer!r} on {review.id}.",
                    hint="Name the file that is meant; two people of one name need two names in their files.",
                )
    return [review for _, review in known.values()]


def _sampled(project: Project, n: int, by: Literal["discipline", "field", "nothing"], seed: int) -> list["Pair"]:
    from glan.dataset.stratified import sample  # noqa: PLC0415 - pyarrow is loaded when it is needed
    from glan.show.forms import Pair  # noqa: PLC0415 - as above

    if not project.train_path.is_dir():
        raise GlanError(f"{project.folder} has no data set yet.", hint="`glan run` makes one.")
    rows = sample(project.train_path, n=n, by=by, seed=seed, reviewed=reviewed_ids(project))
    return [
        Pair(
            id=row.id,
            sha256=hash_of(row.question, row.answer),
            node=row.node,
            question=row.question,
            answer=row.answer,
        )
        for row in rows
    ]


def _write(path: Path, data: bytes, *, force: bool) -> Path:
    if path.exists() and not force:
        raise DatasetError(
            f"{path} exists already; nothing was written.", hint="--force replaces it, --out names another."
        )
    path.write_bytes(data)
    return path
