"""How a stage asks: prompts rendered, room given, malformed replies sent back with the error.

It knows a teacher and the words; it knows no files, prices or permits.
"""

from collections.abc import Callable, Mapping
from typing import TypeVar

from msgspec.structs import replace

from glan.config import Config
from glan.errors import ConfigError, ReplyError
from glan.generate.mixed import mix_for
from glan.language_names import name_of
from glan.languages import Languages
from glan.mix import Mix
from glan.prompts import Prompts
from glan.records import Message, Record, Reply, Request, Sampling, Stage
from glan.settings import TeacherSettings
from glan.teachers.base import Teacher
from glan.teachers.suspicions import ALL_THOUGHT, is_all_thought

MENDS = 2
"""How often a malformed reply is sent back with the error shown."""
MORE_ROOM = 2
"""A reply that was cut off is asked for once more with this many times the room."""
_SHOWN_LENGTH = 20_000
"""Most characters of a malformed reply that are sent back."""

T = TypeVar("T")


class Asking(Record, frozen=True, kw_only=True):
    """A teacher, and how it is asked in each stage."""

    teacher: Teacher
    prompts: Prompts
    language: str
    """The language that is asked for, as the settings have it or by its name."""
    sampling: Mapping[Stage, Sampling]
    system: Mapping[Stage, str]
    """The system message of each stage that has one."""
    mix: Mix = Mix()
    """What questions are asked for beyond the paper."""
    languages: Languages = Languages()
    """From which each question has its own; none where all is asked in one."""
    rank: int = 0

    def at(self, rank: int) -> "Asking":
        """Return the same, asking for a slot of this rank."""
        return Asking(
            teacher=self.teacher,
            prompts=self.prompts,
            language=self.language,
            sampling=self.sampling,
            system=self.system,
            mix=self.mix,
            languages=self.languages,
            rank=rank,
        )

    def speaking(self, language: str | None) -> "Asking":
        """Return the same, asking in a language; None leaves it as it is."""
        return self if language is None or language == self.language else replace(self, language=language)

    def render(self, prompt: str, /, **variables: object) -> Message:
        """Return a prompt as the user's message."""
        text = self.prompts.render(prompt, language=name_of(self.language), **variables)
        return Message(role="user", content=text)

    def request(
        self,
        stage: Stage,
        place_: str,
        *messages: Message,
        schema: str | None = None,
        sample: int = 0,
    ) -> Request:
        """Return a request of a stage, with the stage's system message before the others."""
        system = self.system.get(stage)
        return Request(
            id=place_,
            stage=stage,
            messages=(Message(role="system", content=system), *messages) if system else messages,
            sampling=self.sampling[stage],
            schema=schema,
            sample=sample,
            rank=self.rank,
        )

    async def ask(self, request: Request) -> Reply:
        """Ask once, and once more with more room if the reply was cut off.

        Raises:
            ReplyError: thinking took the greater room as well, so there is no text.

        """
        first = await self.teacher.reply(request)
        if first.finish_reason != "length":
            return first
        roomy = replace(request.sampling, max_tokens=request.sampling.max_tokens * MORE_ROOM)
        reply = await self.teacher.reply(replace(request, sampling=roomy, attempt=request.attempt + 1))
        reply = reply.after(first)
        if is_all_thought(reply):
            raise ReplyError(
                f"There was no text after {roomy.max_tokens:,} tokens of thinking.",
                text=reply.text,
                reason=ALL_THOUGHT,
                reply=reply.bare,
            )
        return reply

    async def ask_for(
        self, request: Request, parse: Callable[[Reply], T], *, shows_error: bool = True
    ) -> tuple[Reply, T]:
        """Ask until the reply can be parsed, at most `MENDS` times more.

        The teacher is shown what was wrong, unless its conversation bears no word beyond what it judges.

        Raises:
            ReplyError: the last reply is malformed too.

        """
        asked, last = request, None
        for mend in range(MENDS + 1):
            reply = await self.ask(asked)
            reply = last = reply if last is None else reply.after(last)
            try:
                return reply, parse(reply)
            except ReplyError as error:
                error.reply = reply.bare
                if mend == MENDS:
                    raise
                attempt = (mend + 1) * MORE_ROOM
                asked = replace(request, attempt=attempt)
                if shows_error:
                    asked = self._mended(asked, reply, error)
        raise AssertionError

    def _mended(self, request: Request, reply: Reply, error: ReplyError) -> Request:
        said = (Message(role="assistant", content=reply.text[:_SHOWN_LENGTH]),) if reply.text else ()
        mend = self.render("mend_reply", error=str(error))
        return replace(request, messages=(*request.messages, *said, mend))


def asking_of(config: Config, prompts: Prompts, teacher: Teacher, models: Mapping[Stage, str]) -> Asking:
    """Return how each stage asks by the settings; `models` are asked under these names.

    Raises:
        ConfigError: several answers are wanted that would all be the same, or the mix names what is not known.
        PromptError: the project's prompt would say nothing of the mix.

    """
    settings = {stage: config.teacher_of(stage) for stage in config.stages}
    if Stage.ANSWERS in settings:
        _refuse_equal_answers(config.curation.agreement.samples, settings[Stage.ANSWERS])
    sampling = {
        stage: Sampling(
            model=models[stage],
            max_tokens=config.max_tokens.of(stage),
            temperature=settings[stage].temperature,
            top_p=settings[stage].top_p,
            reasoning=None if settings[stage].reasoning == "server" else settings[stage].reasoning,
            extra=settings[stage].extra,
        )
        for stage in config.stages
    }
    if Stage.EMBEDDINGS in sampling:
        sampling[Stage.EMBEDDINGS] = _embedding(config, models[Stage.EMBEDDINGS])
    return Asking(
        teacher=teacher,
        prompts=prompts,
        language=config.language,
        sampling=sampling,
        system={
            stage: found.system for stage, found in settings.items() if found.system and stage is not Stage.EMBEDDINGS
        },
        mix=mix_for(config, prompts),
        languages=config.languages_of_questions,
    )


def _refuse_equal_answers(samples: int, teacher: TeacherSettings) -> None:
    """Refuse to pay for several answers that would all be the same.

    Raises:
        ConfigError: the teacher of the answers is told to give the same answer each time.

    """
    if samples == 1:
        return
    fixed = next((name for name in ("temperature", "top_p") if getattr(teacher, name) == 0), None)
    if fixed is None and "seed" not in teacher.extra:
        return
    named = f"{fixed} = 0" if fixed is not None else "a seed in `extra`"
    raise ConfigError(
        f"[curation.agreement] asks for {samples} answers to a question, but the teacher of the answers has "
        f"{named}, so they would all be the same, and nothing would be voted on.",
        hint="Leave it out for the answers, or set samples = 1.",
    )


def _embedding(config: Config, model: str) -> Sampling:
    """Return how a vector is asked for: nothing is drawn and nothing is written.

    Raises:
        ConfigError: its role has a setting that is about writing.

    """
    role, unset = config.role_of(Stage.EMBEDDINGS), TeacherSettings()
    for name in ("temperature", "top_p", "reasoning", "system"):
        if getattr(role, name) != getattr(unset, name):
            raise ConfigError(
                f"[teachers.embeddings] sets `{name}`, with which no embedding is asked for; leave it out."
            )
    dimensions = config.curation.embeddings.dimensions
    extra = config.teacher_of(Stage.EMBEDDINGS).extra
    return Sampling(
        model=model, max_tokens=0, extra=extra if dimensions is None else {**extra, "dimensions": dimensions}
    )


def text_of(reply: Reply) -> str:
    """Return the text of a reply that must have one.

    Raises:
        ReplyError: it is empty.

    """
    text = reply.text.strip()
    if not text:
        raise ReplyError("The reply is empty.", text=reply.text)
    return text
