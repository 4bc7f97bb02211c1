"""The volumes of the textbook in other languages: complete, read back as they were written, good for a whole run."""

from collections import Counter
from random import Random

import pytest
from harness import manifest, project, rows, run

from glan.curate.languages import other_language
from glan.places import key_of
from glan.prompts import Prompts
from glan.records import Message, Request, Sampling, Stage
from glan.teachers.offline import Textbook
from glan.teachers.offline.abroad import VOLUMES, Volume, open_volumes
from glan.teachers.offline.book import open_book
from glan.teachers.offline.conversing import compose_answer, compose_question
from glan.teachers.offline.reader import Asked, read_request

PROMPTS = Prompts.shipped()
NAMES = {"ja": "Japanese", "es": "Spanish"}


@pytest.fixture(name="volume", params=VOLUMES)
def volume_of(request: pytest.FixtureRequest) -> Volume:
    """Each volume in its turn."""
    return open_volumes()[request.param]


def asked(volume: Volume, *names: str) -> Asked:
    """Return what a prompt asks that wants a question on some concepts."""
    book = volume.printed
    entries = [page[0] for name in names if (page := volume.page(name)) is not None]
    prompt = PROMPTS.render(
        "write_question",
        discipline=book.discipline, subject=book.subject, level=book.level.value, notes=(), form="", difficulty="",
        constraint="", syllabus=volume.draft_syllabus(book.subject), sessions=[book.sessions[0].name],
        key_concepts=[entry.name for entry in entries], several=False, language=NAMES[book.language],
    )  # fmt: skip
    return read_request([Message(role="user", content=prompt)])


def test_a_volume_has_what_its_english_chapter_has(volume: Volume) -> None:
    """Five class sessions of five key concepts, each of which the English chapter has, and no sentence twice."""
    book = volume.printed
    chapter = open_book().chapter(book.english, book.english_subject)
    assert chapter is not None
    english = {session.name: {concept.name for concept in session.concepts} for session in chapter.sessions}
    assert {each.english: {entry.english for entry in each.concepts} for each in book.sessions} == english
    entries = [entry for session in book.sessions for entry in session.concepts]
    texts = [text for entry in entries for text in (entry.text, entry.wrong, entry.right, entry.case, entry.verdict)]
    assert len(set(texts)) == len(texts)
    assert len(volume.statements) == 2 * len(entries)
    for entry in entries:
        assert entry.definition != entry.text
        assert {"{A}", "{B}"} <= {hole for hole in ("{A}", "{B}") if hole in entry.case}


def test_all_of_a_volume_is_in_its_language(volume: Volume) -> None:
    """Every text is in the language that it is to be in, as curation sees it."""
    book = volume.printed
    for session in book.sessions:
        for entry in session.concepts:
            for text in (entry.text, entry.example, entry.wrong, entry.right, entry.case, entry.verdict):
                assert other_language(text, book.language) is None, text


def test_what_is_asked_of_every_concept_is_answered(volume: Volume) -> None:
    """Whatever is drawn for a question, its answer holds what the book says of each of its concepts."""
    for session in volume.printed.sessions:
        for k in range(len(session.concepts)):
            for seed in range(12):
                drawn = [session.concepts[(k + i) % 5] for i in range(seed % 3 + 1)]
                names = [each.name for each in drawn]
                question = compose_question(volume, asked(volume, *names), Random(seed))
                assert question is not None
                answer = compose_answer(volume, question, Random(seed))
                assert answer is not None, question
                for each in drawn:
                    assert each.definition in answer, (question, answer)
                assert "{" not in question + answer


def test_a_concept_that_is_not_there_is_left_to_the_english_book(volume: Volume) -> None:
    """Of another discipline, subject or concept a volume says nothing."""
    book = volume.printed
    assert volume.draft_subjects("Law") is None
    assert volume.draft_syllabus("Contract law") is None
    assert compose_answer(volume, "Why do stars twinkle?", Random(0)) is None
    assert compose_answer(volume, "なぜ星は瞬くのですか。", Random(0)) is None
    assert volume.page("pigeonhole principle") is None
    assert volume.draft_subjects(book.english) is not None
    assert volume.page(book.sessions[0].concepts[0].english) is not None


def test_the_names_are_keys(volume: Volume) -> None:
    """No two concepts have one key, in either language."""
    assert len(volume.pages) == 2 * sum(len(session.concepts) for session in volume.printed.sessions)
    assert all(name == key_of(name) for name in volume.pages)


async def test_an_answer_needs_no_word_of_its_language() -> None:
    """A question in the words of a volume is answered from it, also where nobody says in which language."""
    volume = open_volumes()["ja"]
    question = "**チャンク化**とは何ですか。例を一つ挙げて説明してください。"
    sampling = Sampling(model="m", max_tokens=1_000)
    for prompt in (question, PROMPTS.render("answer_question", question=question, language="Japanese")):
        message = Message(role="user", content=prompt)
        reply = await Textbook().reply(Request(id="x", stage=Stage.ANSWERS, messages=(message,), sampling=sampling))
        page = volume.page("chunking")
        assert page is not None
        assert page[0].text in reply.text
        assert (reply.usage.completion_tokens or 0) > len(reply.text) / 2


@pytest.mark.parametrize("code", VOLUMES)
def test_a_project_in_a_language_becomes_pairs(code: str) -> None:
    """A project in the discipline of a volume has all its pairs, and at most one reject in twenty."""
    book = open_volumes()[code].printed
    with project([book.discipline], pairs=100, plan_drafts=1, languages={code: 1}) as folder:
        run(folder, Textbook())
        found = rows(folder)
        assert len(found) == 100
        assert {row["subject"] for row in found} == {book.subject}
        assert manifest(folder)["slots"]["rejects"] <= 5


def test_a_project_in_three_languages_becomes_pairs() -> None:
    """From one English curriculum questions are asked in English, Japanese and Spanish, each answered in its own."""
    tree = [{"name": "Psychology", "subjects": ["Cognitive psychology"]}]
    shares = {"en": 0.5, "ja": 0.3, "es": 0.2}
    with project(tree, pairs=100, languages=shares) as folder:
        run(folder, Textbook())
        found = rows(folder)
        counts = Counter(row["language"] for row in found)
        assert all(abs(counts[language] - 100 * share) <= 3 for language, share in shares.items())
        for row in found:
            for message in row["messages"]:
                assert other_language(message["content"], row["language"]) is None
