"""A project in which everybody is hostile: the tree, the teacher, the reviewers. Nothing of it may ever run."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from harness import manifest, project, rows, run, small
from msgspec.structs import replace

from glan.errors import RequestError
from glan.project import Project
from glan.records import Reply, Request, Stage
from glan.reviews import Review, hash_of, line_of
from glan.show.ballots import saved_ballot
from glan.taxonomy.votes import Ballot, Vote, elements_of, tree_hash
from glan.teachers.base import Teacher

OWNED = "document.title='owned'"
MARKUP = f'"><script>{OWNED}</script><img src=x onerror="{OWNED}"><svg onload="{OWNED}"></svg>\' onfocus=\'{OWNED}'
WORD = "".join(hashlib.sha256(b"%d" % i).hexdigest() for i in range(50))
TEXT = (
    f"{MARKUP} [a](javascript:{OWNED}) ![b](http://127.0.0.1:9/x) "
    f"<iframe srcdoc='<script>{OWNED}</script>'> "
    f"</title></textarea></style><!-- {{{{ 7 * 7 }}}} {{% raw %}} =1+1 \u202egnp.exe\u202c \x1b[31mred \x00 {WORD} "
    "$\\href{javascript:1}{x}$ | a | <b>\n|---|---|\n| <i>x</i> | [c](data:text/html,x) |\n"
    "```html\n<script>1</script>\n```\n"
)
"""What a model may say of anything."""
_NAMED = {"subject_name", "session_name", "key_concepts", "subtopics"}


class Hostile:
    """Says something harmful with every reply."""

    def __init__(self, teacher: Teacher) -> None:
        self._teacher = teacher

    async def reply(self, request: Request) -> Reply:
        if request.stage is Stage.ANSWERS and request.id.endswith("/2"):
            raise RequestError(TEXT)
        reply = await self._teacher.reply(request)
        spoilt = json.dumps(_spoilt(json.loads(reply.text))) if request.schema else f"{reply.text} {TEXT}"
        return replace(reply, text=spoilt, model=f"m {MARKUP}", reasoning=TEXT, system_fingerprint=MARKUP, rung=MARKUP)


def _spoilt(value: Any, name: str = "") -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, dict):
        return {key: _spoilt(each, key) for key, each in value.items()}
    if isinstance(value, list):
        return [_spoilt(each, name) for each in value]
    return f"{value} {MARKUP}" if name in _NAMED and isinstance(value, str) else value


@contextmanager
def hostile() -> Iterator[Path]:
    """Make a project with pairs, rejects, failures, reviews and ballots, each with something harmful in every text."""
    leaf = f"Physics {MARKUP}"
    leaves = [{"name": f"Science {MARKUP}", "children": [{"name": leaf, "notes": MARKUP}]}]
    with project(leaves, pairs=6, curation_wrong_language="keep", dataset_name=f"mine {MARKUP}") as folder:
        run(folder, Hostile(small()))
        opened = Project.open(folder)
        [row, *_] = rows(folder)
        question, answer = (message["content"] for message in row["messages"][-2:])
        review = Review(
            id=row["id"],
            sha256=hash_of(question, answer),
            verdict="drop",
            reason=TEXT,
            reviewer=MARKUP[:90],
            kind="person",
        )
        other = replace(review, id=f"question/{MARKUP}/x/0")
        (folder / "reviews.jsonl").write_bytes(line_of(review) + line_of(other))
        elements = elements_of(opened.taxonomy)
        vote = {elements[0].id: Vote(choice="keep", comment=TEXT[:900])}
        ballot = Ballot(voter=MARKUP[:90], tree=tree_hash(elements), votes=vote)
        (folder / "ballots").mkdir()
        (folder / "ballots" / "a.json").write_bytes(saved_ballot(ballot))
        (folder / "ballots" / "b.json").write_text(MARKUP, encoding="utf-8")
        run(folder, Hostile(small()))
        assert manifest(folder)["slots"]["rejects"]
        yield folder
