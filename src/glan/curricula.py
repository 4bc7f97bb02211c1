"""Curricula as the ledger has them: the subjects and syllabi of disciplines, and the texts that frozen subjects mean.

They are read by the requests of a run, so what is read is what a run would use; nobody is asked.
"""

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum

from msgspec.structs import replace

from glan.errors import ReplyError, RequestError, StoppedError
from glan.generate.asking import Asking, asking_of
from glan.generate.merging import Names
from glan.generate.subjects import draft_subjects
from glan.generate.syllabi import given_text, write_syllabus
from glan.places import place
from glan.project import Project
from glan.records import Discipline, Record, Request, Stage, Subject, Syllabus
from glan.surprise import answering
from glan.taxonomy.seals import is_sealed_with, is_unchanged, seal_of
from glan.teachers.ledger import Entry, Ledger
from glan.teachers.ledgered import Choice
from glan.wording import counted, few

_MOST_NAMED = 5


class State(StrEnum):
    """Where the syllabus of a subject comes from."""

    GIVEN = "given"
    """The file has its class sessions."""
    FROZEN = "frozen"
    """The same, as a teacher wrote it: questions see the teacher's text."""
    EDITED = "edited"
    """It was frozen, and was changed since: questions see what follows from its sessions."""
    WITHOUT_TEXT = "without its text"
    """It is frozen, and the ledger has not the teacher's text: questions see what follows from its sessions."""
    ASKED = "in the ledger"
    FAILED = "failed"
    """No reply was to be had, or none that can be read."""
    OPEN = "not asked for yet"


class Learned(Record, frozen=True, kw_only=True):
    """A subject with what there is of its syllabus."""

    subject: Subject
    """As it would stand in a file: with its class sessions and its seal, where there are any."""
    state: State
    text: str = ""
    """What questions on it see as the syllabus."""


class Curriculum(Record, frozen=True, kw_only=True):
    """What there is of a discipline."""

    discipline: Discipline
    drafts: int
    """So many drafts the ledger has; 0 where the subjects are given."""
    subjects: tuple[Learned, ...]
    """In order of first appearance."""

    @classmethod
    def given(cls, discipline: Discipline) -> "Curriculum":
        """Return what a file alone gives of a discipline."""
        subjects = [
            Learned(
                subject=subject,
                state=_state(subject, "") if subject.sessions else State.OPEN,
                text=given_text(subject),
            )
            for subject in discipline.subjects
        ]
        return cls(discipline=discipline, drafts=0, subjects=tuple(subjects))


def with_texts(disciplines: Sequence[Discipline], ledger: Ledger) -> tuple[Discipline, ...]:
    """Return the disciplines with the texts of frozen subjects that nobody changed, as far as the ledger has them."""
    return tuple(
        replace(found, subjects=tuple([_with_text(found, subject, ledger) for subject in found.subjects]))
        if any(subject.frozen for subject in found.subjects)
        else found
        for found in disciplines
    )


def told_of_lost_texts(disciplines: Sequence[Discipline]) -> Iterator[str]:
    """Say which frozen subjects have no text, once `with_texts` has looked for them."""
    lost = [subject.name for found in disciplines for subject in found.subjects if is_unchanged(subject)]
    if lost:
        yield (
            f"The ledger has not the syllabi that the teacher wrote of {counted(len(lost), 'frozen subject')} "
            f"({few(lost, _MOST_NAMED)}), so their questions see the class sessions of taxonomy.yaml instead."
        )


def _with_text(discipline: Discipline, subject: Subject, ledger: Ledger) -> Subject:
    if not is_unchanged(subject):
        return subject
    id_ = place("syllabus", discipline.key, subject.key)
    for entry in ledger.entries(prefix=id_):
        text = entry.reply.text.strip() if entry.reply is not None else ""
        if entry.request_id == id_ and is_sealed_with(subject, text):
            return replace(subject, syllabus=text)
    return subject


class Reading:
    """Reads curricula of a project from its ledger."""

    def __init__(self, project: Project, ledger: Ledger, models: Mapping[Stage, str]) -> None:
        self.other: set[str] = set()
        """Ids of requests that the ledger answers under another prompt, model or parameter alone."""
        self._config = project.config
        self._ledger = ledger
        last = ledger.last_run()
        # A teacher that is a Python object is not named anywhere else.
        before = last.meaning if last is not None else {}
        models = {stage: model or before.get(f"model of {stage}", "") for stage, model in models.items()}
        self.keeps = last is not None and last.choice == Choice.KEEP
        """Whether the last run let replies to other requests stand."""
        # What was decided to stand is what a run uses; elsewhere it uses the reply to exactly its request.
        teacher = answering(ledger, self._config, None if self.keeps else self._note)
        self._asking: Asking = asking_of(self._config, project.prompts, teacher, models)

    def _note(self, request: Request, _: Entry) -> None:
        self.other.add(request.id)

    async def curriculum(self, discipline: Discipline) -> Curriculum:
        """Return what there is of a discipline."""
        (found,) = with_texts([discipline], self._ledger)
        names = Names(is_merging=self._config.merges_names)
        drafts, subjects = 0, list(discipline.subjects)
        if not subjects:
            drafts, subjects = await self._drafted(discipline, names)
        texts = {subject.key: subject.syllabus for subject in found.subjects}
        learned = [await self._learned(discipline, subject, texts.get(subject.key, ""), names) for subject in subjects]
        return Curriculum(discipline=discipline, drafts=drafts, subjects=tuple(learned))

    async def _drafted(self, discipline: Discipline, names: Names) -> tuple[int, list[Subject]]:
        """Return how many drafts there are before the first that was not asked for, and the subjects that they name."""
        subjects: dict[str, Subject] = {}
        for number in range(1, self._config.plan.drafts + 1):
            try:
                for subject in await draft_subjects(self._asking, discipline, number):
                    if names.is_new(subject, discipline):
                        subjects.setdefault(subject.key, replace(subject, draft=number))
            except StoppedError:
                return number - 1, list(subjects.values())
            except (ReplyError, RequestError):
                continue  # it names nothing
        return self._config.plan.drafts, list(subjects.values())

    async def _learned(self, discipline: Discipline, subject: Subject, text: str, names: Names) -> Learned:
        if subject.sessions:
            return Learned(
                subject=subject,
                state=_state(subject, text),
                text=text or given_text(subject),
            )
        try:
            syllabus = names.distinct(await write_syllabus(self._asking, discipline, subject))
        except StoppedError:
            return Learned(subject=subject, state=State.OPEN, text=subject.syllabus)
        except (ReplyError, RequestError):
            return Learned(subject=subject, state=State.FAILED, text=subject.syllabus)
        return Learned(subject=_frozen(subject, syllabus), state=State.ASKED, text=syllabus.text)


def _state(subject: Subject, text: str) -> State:
    if subject.syllabus or not subject.frozen:
        return State.GIVEN
    if not is_unchanged(subject):
        return State.EDITED
    return State.FROZEN if text else State.WITHOUT_TEXT


def _frozen(subject: Subject, syllabus: Syllabus) -> Subject:
    """Return a subject with its class sessions, and with a seal where the text of its syllabus is not given."""
    found = replace(subject, sessions=syllabus.sessions)
    return found if subject.syllabus else replace(found, frozen=seal_of(found, syllabus.text))
