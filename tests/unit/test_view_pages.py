"""The pages of the viewer: each says what the project has, nothing of it runs, and nobody sees it who may not."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from asgi import get
from harness import project, run, small
from hostile import MARKUP, OWNED, hostile
from looking import Page, page, viewer_of
from starlette.applications import Starlette

from glan.dataset.shards import read_rows
from glan.project import Project
from glan.teachers.ledger import Ledger
from glan.teachers.ledger_file import Lock
from glan.view.app import app_of
from glan.view.guard import POLICY
from glan.view.index import Shelf
from glan.view.viewer import Viewer

UNSEEN = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
PAGES = ("/", "/tree", "/pairs", "/rejects", "/failures", "/reviews", "/pairs?q=gnp.exe")


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A project with something harmful in every text."""
    with hostile() as made:
        yield made


@pytest.fixture(scope="module")
def app(folder: Path) -> Starlette:
    """The viewer of it, with its index made."""
    found = viewer_of(folder)
    found.shelf.want_texts()
    found.shelf.wait()
    return app_of(found)


def crawled(app: Starlette, most: int = 120) -> Iterator[tuple[str, Page]]:
    """Open every page that a person can click to, from the overview on."""
    waiting, seen = [*PAGES], set(PAGES)
    while waiting and most:
        address = waiting.pop(0)
        response = get(app, address)
        assert response.status in {200, 404}, f"{address}: {response.text[:2_000]}"
        found = Page(response.text)
        yield address, found
        most -= 1
        new = [link for link in found.links if link.startswith("/") and link not in seen]
        seen.update(new)
        waiting += new


def test_nothing_of_what_anybody_said_becomes_a_part_of_a_page(app: Starlette) -> None:
    """On no page is there a script but ours, a handler, a style, a frame, a foreign picture or a link that runs."""
    addresses = []
    for address, found in crawled(app):
        addresses.append(address.partition("?")[0])
        for tag, attrs in found.elements:
            assert tag not in {"iframe", "object", "embed", "style", "base", "textarea"}, address
            assert not [name for name in attrs if name.startswith("on") or name in {"style", "srcdoc"}], address
            if tag in {"script", "img"}:
                assert attrs["src"] in {"/static/view.js", "/static/icon.svg"}, address
            if tag == "a":
                assert re.match(r"/|#main$|https?://|mailto:", attrs["href"]), (address, attrs["href"])
            assert not UNSEEN.search("".join(attrs.values())), address
        assert not UNSEEN.search(found.text), address
    assert {"/discipline", "/subject", "/pair", "/pairs", "/rejects"} <= set(addresses)


def test_hostile_text_is_shown_as_it_is(app: Starlette) -> None:
    """Names with markup stand on the pages letter for letter, and what cannot be seen is named."""
    assert f"Physics {MARKUP}" in page(app, "/tree").text
    assert f"mine {MARKUP}" in page(app, "/").text
    found = page(app, next(link for link in page(app, "/pairs").links if link.startswith("/pair?")))
    assert f"<script>{OWNED}</script>" in found.text
    assert "⟨U+202E⟩gnp.exe" in found.text
    assert "{{ 7 * 7 }}" in found.text


def test_a_pair_shows_its_way(app: Starlette, folder: Path) -> None:
    """Every prompt and raw reply from the draft to the answer is there and proven, with what people said of it."""
    [row, *_] = read_rows(folder / "dataset")
    found = page(app, f"/pair?{urlencode({'id': row['id']})}")
    for kind in ("draft", "listing", "syllabus", "sessions", "question", "answer"):
        assert f"{kind} m " in found.text
    assert found.text.count("prompt proven") == 6
    assert "prompt not proven" not in found.text
    [reject, *_] = (each for each in read_rows(folder / "rejects") if each["reason"] == "reviewed")
    refused = page(app, f"/pair?{urlencode({'id': reject['id']})}")
    assert "What people said drop" in refused.text
    assert "reject: reviewed" in refused.text


def test_numbers_are_those_of_the_manifest(app: Starlette, folder: Path) -> None:
    """Pairs, rejects, failures and reasons on the overview and in the lists are what the manifest counts."""
    manifest = Project.open(folder).manifest()
    assert manifest is not None
    text = page(app, "/").text
    slots = manifest.slots
    assert (
        f"Pairs {slots['pairs']} Wanted 6 Rejects {slots['rejects']} Failures {slots['failures']} Open slots 0" in text
    )
    assert f"of {slots['pairs']}" in page(app, "/pairs").text
    assert f"of {slots['rejects'] + slots['failures']}" in page(app, "/rejects").text
    with Ledger.open(folder / "ledger.sqlite", readonly=True) as ledger:
        assert f"Failures {len(list(ledger.failures()))} Requests" in page(app, "/failures").text
    links = [link for link in page(app, "/").links if link.startswith("/rejects?stage")]
    assert len(links) == len(manifest.reasons)
    for each, link in zip(manifest.reasons, links, strict=True):
        assert f"of {each['slots']}" in page(app, link).text


@pytest.mark.parametrize(
    "address",
    [
        "/nothing", "/static/../viewer.py", "/static/%2e%2e%2fviewer.py", "/pair?id=../../etc/passwd", "/pair",
        "/subject?leaf=a&subject=b", "/discipline?leaf=%00", "/pair?id=%ff%fe",
    ],
)  # fmt: skip
def test_what_is_not_there_is_a_page_that_says_so(app: Starlette, address: str) -> None:
    """An address that leads nowhere is no error of ours, and no file but ours is served."""
    assert "There is no" in page(app, address, 404).text


@pytest.mark.parametrize(
    "query",
    [
        f"q={quote(MARKUP)}", "q=%22", "q=%00%00%00", "q=NEAR(a+b)", "q=question%3A", "q=***", "q=abc&in=nowhere",
        "after=-1", "after=99999999999999999999", "before=0", "level=%3D%3D", "answer_tokens.min=1e999",
        "answer_tokens.min=nan", "sessions=" + "x" * 3_000, "&".join(f"level={i}" for i in range(500)), "id=%5B",
        "q=" + "a%20" * 900,
    ],
)  # fmt: skip
def test_any_query_is_answered(app: Starlette, query: str) -> None:
    """Whatever stands in an address, a page comes back."""
    page(app, f"/pairs?{query}")
    page(app, f"/rejects?{query}")


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8470", 200), ("localhost", 200), ("LOCALHOST:1", 200), ("[::1]:8470", 200), ("evil.example", 421),
        ("127.0.0.1.evil.example:8470", 421), ("", 421), (None, 421), ("10.0.0.7:8470", 421), ("localhost:x", 421),
    ],
)  # fmt: skip
def test_a_page_is_given_to_who_calls_the_viewer_by_its_name(app: Starlette, host: str | None, status: int) -> None:
    """A site that gives this machine a name of its own reads nothing."""
    assert get(app, "/", host=host).status == status


@pytest.mark.parametrize(
    ("site", "mode", "dest", "status"),
    [
        ("none", "navigate", "document", 200), ("same-origin", "cors", "empty", 200),
        ("cross-site", "navigate", "document", 200), ("cross-site", "no-cors", "image", 403),
        ("same-site", "cors", "empty", 403), ("cross-site", "navigate", "iframe", 403),
    ],
)  # fmt: skip
def test_another_site_gets_nothing_behind_a_persons_back(
    app: Starlette, site: str, mode: str, dest: str, status: int
) -> None:
    """A link may lead here; a picture, a frame or a script of another site may not ask."""
    headers = [("sec-fetch-site", site), ("sec-fetch-mode", mode), ("sec-fetch-dest", dest)]
    assert get(app, "/pairs?q=abc", headers=headers).status == status


def test_every_answer_forbids_what_no_page_needs(app: Starlette) -> None:
    """The policy and its like stand on pages, files, errors and refusals; only looking is allowed."""
    for address in (*PAGES, "/static/view.js", "/static/view.css", "/live", "/nothing"):
        assert get(app, address).headers["content-security-policy"] == POLICY
    for method in ("POST", "PUT", "DELETE", "OPTIONS", "PATCH"):
        refused = get(app, "/", method=method)
        assert (refused.status, refused.headers["content-security-policy"]) == (405, POLICY)
    assert get(app, f"/pairs?q={'x' * 9_000}").status == 414
    assert "'unsafe" not in POLICY
    assert POLICY.startswith("default-src 'none'")


def test_away_from_this_machine_a_token_opens_it(folder: Path) -> None:
    """Without the token nothing is seen; with it in the address comes a cookie, and the address without it."""
    app = app_of(viewer_of(folder), names=("lab.example",), token="t0ken")  # noqa: S106 - it opens nothing else
    for headers in ([], [("cookie", "glan-view-8470=t0ke")], [("cookie", "glan-view-8470=é")], [("cookie", '"')]):
        for address in ("/", "/pairs?token=", "/pairs?token=t0kenx", "/static/view.js", "/live"):
            assert get(app, address, headers=headers).status == 403
    opened = get(app, "/pairs?level=%3Dgraduate&token=t0ken", host="lab.example:8470")
    assert (opened.status, opened.headers["location"]) == (303, "/pairs?level=%3Dgraduate")
    cookie = opened.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "samesite=strict" in cookie.lower()
    given = [("cookie", cookie.partition(";")[0])]
    assert get(app, "/pairs", headers=given, host="lab.example:8470").status == 200
    assert get(app, "/pairs", headers=given, host="192.168.1.7:8470").status == 200
    assert get(app, "/pairs", headers=given, host="evil.example").status == 421
    away = get(app, "//evil.example/?token=t0ken")
    assert away.headers["location"] == "/evil.example/"


def test_live_numbers_follow_the_run(folder: Path, tmp_path: Path) -> None:
    """What status.json says is shown in words; a run that holds no lock has died, and nonsense is no run."""
    opened = Project.open(Path(shutil.copytree(folder, tmp_path / "data")))
    app = app_of(Viewer.of(opened))
    status: dict[str, Any] = {
        "state": "running", "pairs": 10, "wanted": 40, "in_flight": 7, "max_in_flight": 9, "cost_usd": 0.5,
        "pairs_per_s": 0.25, "eta_s": 120.0, "asked": {"answers": 9}, "away": ["a\u202e"], "retries": {"429": 3},
        "budget": {"max_usd": 2.0, "spent_usd": 1.0}, "last": MARKUP * 20,
    }  # fmt: skip
    opened.write_status(status)
    assert json.loads(get(app, "/live").body)["state"] == "died"
    lock = Lock(opened.ledger_path)
    try:
        found = json.loads(get(app, "/live").body)
    finally:
        lock.release()
    assert (found["state"], found["share"]) == ("running", 0.25)
    texts = found["texts"]
    assert (texts["rate"], texts["eta"], texts["in-flight"]) == ("0.2 pairs/s", "2 min", "7 of 9")
    assert (texts["spent"], texts["budget"]) == ("$0.5000", "$1.00 of $2.00 (50%)")
    assert (texts["calls"], texts["retries"], texts["away"]) == ("9", "3", "a⟨U+202E⟩")
    assert len(texts["last"]) <= 300
    for nonsense in ("{", '{"pairs": "many"}', "[]", '{"eta_s": []}'):
        opened.status_path.write_text(nonsense, encoding="utf-8")
        assert json.loads(get(app, "/live").body)["state"] == "none"


def test_a_project_without_a_data_set_or_a_ledger_can_be_looked_at(tmp_path: Path, folder: Path) -> None:
    """Before the first run there is an overview, and what is missing is said; a damaged tree harms no list."""
    Project.create(tmp_path / "new", taxonomy="paper")
    app = app_of(Viewer.of(Project.open(tmp_path / "new")))
    assert "There is no data set yet" in page(app, "/").text
    for address in ("/tree", "/pairs", "/pair?id=x", "/rejects"):
        assert "There is no data set yet" in page(app, address).text
    for address in ("/failures", "/reviews"):
        page(app, address)
    copied = Path(shutil.copytree(folder, tmp_path / "copied"))
    (copied / "ledger.sqlite").unlink()
    (copied / "taxonomy.yaml").write_text("taxonomy: [", encoding="utf-8")
    app = app_of(viewer_of(copied))
    found = page(app, next(link for link in page(app, "/pairs").links if link.startswith("/pair?")))
    assert "There is no ledger here" in found.text
    assert "taxonomy.yaml" in page(app, "/tree", 503).text
    page(app, "/")
    page(app, next(link for link in found.links if link.startswith("/subject?")))


class Unread(Shelf):
    """A shelf whose index is not made."""

    def refresh(self) -> None:
        pass


def test_an_overview_that_comes_too_early_says_what_is_missing(folder: Path) -> None:
    """Until the rows are read, the overview says that they are being read, in place of where the pairs are."""
    viewer = viewer_of(folder)
    assert "Where the pairs are" in page(app_of(viewer), "/").text
    viewer.shelf = Unread(viewer.shelf.data, viewer.shelf.folder)
    found = page(app_of(viewer), "/").text
    assert "Looking at the data set; look again for where the pairs are." in found
    assert "Where the pairs are" not in found


def test_a_trial_is_shown_by_itself() -> None:
    """Of a trial the rows, the tree and the index are its own, beside those of the whole project."""
    with project([{"name": "Nature", "children": ["Botany", "Zoology"]}, "Law"], pairs=6) as made:
        run(made, small())
        run(made, small(), only="Botany", pairs=3)
        whole, trial = viewer_of(made), Viewer.of(Project.open(made).trial("Botany"))
        trial.shelf.refresh()
        trial.shelf.wait()
        assert "of 6" in page(app_of(whole), "/pairs").text
        found = page(app_of(trial), "/pairs")
        assert "of 3" in found.text
        assert "Botany 3" in page(app_of(trial), "/tree").text
        assert "Law" not in page(app_of(trial), "/tree").text
        shown = page(app_of(trial), next(link for link in found.links if link.startswith("/pair?")))
        assert shown.text.count("prompt proven") == 6
