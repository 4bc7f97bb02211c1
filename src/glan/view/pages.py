"""The pages: each takes what its address asks and gives HTML, in which all that anybody said is text."""

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from glan.errors import GlanError, TaxonomyError
from glan.places import key_of
from glan.records import Discipline
from glan.reviews import VERDICTS
from glan.show.ballots import read_ballot
from glan.show.sheets import visible
from glan.taxonomy.votes import Ballot, elements_of, outcome
from glan.view.columns import Columns
from glan.view.filters import Filter, Share, score_names
from glan.view.html import page
from glan.view.listing import PAIRS, Asked, Lists
from glan.view.live import Live
from glan.view.tree import Counted, counts_of, drawn_of, subjects_of, titles_of, tree_of
from glan.view.viewer import NoDataError, Viewer, WaitingError
from glan.ways import Way

NOT_PAIRS = Filter("outcome", "not", "pair")
_CHOSEN = (
    "field", "sub_field", "discipline", "level", "strategy", "task", "difficulty", "language", "question_model",
    "answer_model", "finish_reason", "safety",
)  # fmt: skip
_CHOSEN_OF_REJECTS = ("outcome", "stage", "reason", *_CHOSEN)
_TYPED = ("subject", "sessions", "key_concepts", "checks", "pii", "sources", "system", "id")
_RANGES = ("question_tokens", "answer_tokens", "question_length", "answer_length", "slot")
_MOST_CHOICES = 500
"""Texts of a column that can be chosen; more than the built-in tree has disciplines."""
_MOST_FAILURES = 1_000
_MOST_REVIEWS = 1_000


def overview(request: Request) -> Response:
    """Show what there is, and the run that goes on."""
    viewer = _viewer(request)
    manifest = viewer.project.manifest()
    fields: tuple[Counted, ...] = ()
    work = ""
    try:
        fields = _tree(viewer)
    except WaitingError as error:
        work = str(error)
    except (NoDataError, TaxonomyError):
        pass  # the rest of the page needs neither
    return _page(
        request,
        "overview",
        title="Overview",
        manifest=manifest,
        live=Live.of(viewer.opened),
        fields=fields,
        work=work,
    )


def live(request: Request) -> Response:
    """Give the state of the run as JSON, for the overview's script."""
    found = Live.of(_viewer(request).opened)
    texts = {name: visible(text) for name, text in found.texts.items()}
    return JSONResponse({"state": found.state, "share": found.share, "texts": texts})


def tree(request: Request) -> Response:
    """Show the whole tree."""
    return _page(request, "tree", title="Tree", roots=_tree(_viewer(request)))


def leaf(request: Request) -> Response:
    """Show a discipline: its subjects."""
    viewer = _viewer(request)
    key = request.query_params.get("leaf", "")
    columns = viewer.index.columns
    title = titles_of(columns).get(key)
    discipline = next((found for found in _disciplines(viewer) if found.leaf == key), None)
    if title is None and discipline is None:
        return missing(request, "discipline", key)
    return _page(
        request,
        "leaf",
        title=discipline.title if discipline is not None else title,
        leaf=key,
        discipline=discipline,
        subjects=subjects_of(columns, key) if title is not None else (),
    )


async def subject(request: Request) -> Response:
    """Show a subject: its syllabus, sessions, key concepts and questions."""
    viewer = _viewer(request)
    key, name = request.query_params.get("leaf", ""), request.query_params.get("subject", "")
    lists = viewer.lists
    found = next((each for each in subjects_of(lists.index.columns, key) if each.subject == name), None)
    if found is None:
        return missing(request, "subject", name)
    asked = Asked(filters=(Filter("leaf", "is", key), Filter("subject_key", "is", name)))
    sessions, concepts = drawn_of(lists.index.columns, key, name)
    return _page(
        request,
        "subject",
        title=found.title,
        subject=found,
        discipline=titles_of(lists.index.columns).get(key, key),
        way=await _way_of_subject(viewer, key, name),
        sessions=sessions,
        concepts=concepts,
        asked=asked,
        listing=lists.page(asked, PAIRS),
    )


def rows(request: Request) -> Response:
    """Show the pairs that have what is asked."""
    return _list(request, PAIRS)


def rejects(request: Request) -> Response:
    """Show the slots that gave no pair, and why."""
    return _list(request, NOT_PAIRS)


async def pair(request: Request) -> Response:
    """Show one pair, or reject, and its way from the discipline to the answer."""
    viewer = _viewer(request)
    id_ = request.query_params.get("id", "")
    index = viewer.index
    number = index.columns.find(id_)
    if number is None:
        return missing(request, "row", id_)
    row = index.row(number)
    ids = index.columns.table["id"]
    beside = [ids[n].as_py() if 0 <= n < len(index.columns) else None for n in (number - 1, number + 1)]
    messages = {message["role"]: message["content"] for message in row["messages"] or ()}
    return _page(
        request,
        "pair",
        title=row["subject"] or row["discipline"],
        row=row,
        number=number,
        leaf=index.columns.text("leaf", index.columns.codes("leaf")[number]),
        subject_key=index.columns.text("subject_key", index.columns.codes("subject_key")[number]),
        messages=messages,
        beside=beside,
        reviews=[review for review in viewer.project.reviews if review.id == id_],
        way=await _way_of_row(viewer, row),
    )


def failures(request: Request) -> Response:
    """Show the requests that failed for good."""
    total, found = _viewer(request).failures(_MOST_FAILURES)
    return _page(request, "failures", title="Failures", failures=found, total=total)


def reviews(request: Request) -> Response:
    """Show what people said of the pairs and of the tree."""
    viewer = _viewer(request)
    project = viewer.project
    ballots, unread = _ballots(viewer)
    votes = outcome(elements_of(project.taxonomy), ballots) if ballots else None
    found = list(project.reviews)
    return _page(
        request,
        "reviews",
        title="Reviews",
        reviews=found[::-1][:_MOST_REVIEWS],
        total=len(found),
        reviewers=project.reviews.reviewers,
        agreement=project.reviews.agreement().told,
        verdicts={verdict: sum(each.verdict == verdict for each in found) for verdict in VERDICTS},
        ballots=ballots,
        unread=unread,
        votes=votes,
        tallies=[t for t in votes.tallies.values() if t.keep or t.remove or t.comments] if votes is not None else [],
        votes_agreement=votes.agreement().told if votes is not None else "",
    )


def missing(request: Request, what: str, name: str) -> Response:
    """Say that something is not there."""
    return _page(request, "error", 404, title=f"No such {what}", message=f"There is no {what} {name!r} here.", hint="")


def told_error(request: Request, error: Exception) -> Response:
    """Show an error that a person can mend."""
    if isinstance(error, WaitingError):
        return _page(request, "waiting", 202, title="One moment", work=error.work, message=str(error))
    hint = error.hint if isinstance(error, GlanError) else ""
    status = 200 if isinstance(error, NoDataError) else 503
    return _page(request, "error", status, title="Not now", message=str(error), hint=hint)


def _viewer(request: Request) -> Viewer:
    viewer: Viewer = request.app.state.viewer
    return viewer


def _page(request: Request, name: str, status: int = 200, /, **values: object) -> Response:
    viewer = _viewer(request)
    return HTMLResponse(page(name, here=request.url.path, project=viewer.name, **values), status)


def _tree(viewer: Viewer) -> tuple[Counted, ...]:
    columns = viewer.index.columns
    return tree_of(viewer.project.taxonomy.roots, counts_of(columns, "leaf"), titles_of(columns))


def _disciplines(viewer: Viewer) -> Sequence[Discipline]:
    try:
        return viewer.project.taxonomy.disciplines
    except TaxonomyError:  # the pairs can be read without it
        return ()


def _list(request: Request, base: Filter) -> Response:
    viewer = _viewer(request)
    asked = Asked.of(request.query_params.multi_items())
    lists = viewer.lists if asked.search is None or not asked.search.phrases else viewer.searched
    is_pairs = base is PAIRS
    return _page(
        request,
        "rows",
        title="Pairs" if is_pairs else "Rejects and failures",
        is_pairs=is_pairs,
        asked=asked,
        listing=lists.page(asked, base),
        choices=_choices(lists, asked, base),
        most_choices=_MOST_CHOICES,
        typed=[name for name in _TYPED if name == "id" or len(lists.index.columns.texts(name)) or asked.value(name)],
        ranges=_ranges(lists.index.columns),
        is_open=any(each.name in _TYPED or each.how in {"min", "max"} for each in asked.filters),
    )


def _choices(lists: Lists, asked: Asked, base: Filter) -> Mapping[str, Sequence[Share]]:
    """Return the texts of each short column among the rows of a list, with how many have them."""
    names = _CHOSEN if base is PAIRS else _CHOSEN_OF_REJECTS
    found = lists.choices((base, *asked.filters), names, _MOST_CHOICES)
    return {name: here for name, here in found.items() if len(here) > 1 or asked.value(name)}


def _ranges(columns: Columns) -> list[str]:
    return [*_RANGES, *(f"scores.{name}" for name in score_names(columns))]


async def _way_of_row(viewer: Viewer, row: Mapping[str, Any]) -> Way | None:
    with viewer.ways() as ways:
        return None if ways is None else await ways.of_row(row)


async def _way_of_subject(viewer: Viewer, leaf_: str, subject_: str) -> Way | None:
    with viewer.ways() as ways:
        return None if ways is None else await ways.of_subject(leaf_, subject_)


def _ballots(viewer: Viewer) -> tuple[list[Ballot], list[str]]:
    """Return the ballots that the project keeps, and what could not be read."""
    found: dict[str, Ballot] = {}
    unread: list[str] = []
    folder = viewer.project.folder / "ballots"
    for path in sorted(folder.glob("*.json")) if folder.is_dir() and not folder.is_symlink() else ():
        try:
            ballot = read_ballot(path)
            found[key_of(ballot.voter)] = ballot
        except GlanError as error:
            unread.append(str(error))
    return list(found.values()), unread
