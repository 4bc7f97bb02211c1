"""The settings of a project as a whole: how `glan.toml` is read, and what follows from several of its sections."""

import difflib
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Annotated, Literal, Self, TypeVar

import msgspec
from msgspec import Meta, inspect

from glan.dataset_settings import Dataset, Publish
from glan.engine_settings import Ray
from glan.errors import ConfigError, file_error
from glan.language_names import code_of, name_of
from glan.languages import Languages, told
from glan.records import Stage
from glan.settings import (
    Batch,
    Curation,
    Limits,
    MaxTokens,
    Network,
    Plan,
    Questions,
    Settings,
    Teachers,
    TeacherSettings,
)

S = TypeVar("S", bound=msgspec.Struct)
Language = Annotated[str, Meta(min_length=1, max_length=60)]
Share = Annotated[float, Meta(gt=0, le=1_000_000)]
_OF_A_WRITER = ("temperature", "top_p", "reasoning", "system", "extra", "price")
"""Settings of a model that writes, which say nothing of one that makes embeddings."""
_NO_CHOICE = "Invalid enum value "


class Config(Settings, frozen=True):
    pairs: Annotated[int, Meta(ge=1, le=1_000_000_000, description="How many pairs to make.")] = 1_000
    seed: Annotated[int, Meta(ge=0, description="Everything that is drawn follows from it.")] = 0
    languages: Annotated[
        dict[Language, Share],
        Meta(
            min_length=1,
            description='Languages of the pairs, as codes ("en") or names, with their shares: {en = 0.7, ja = 0.3}; '
            "subjects and syllabi are asked for in the first.",
        ),
    ] = msgspec.field(default_factory=lambda: {"en": 1.0})
    mode: Annotated[
        Literal["live", "batch"],
        Meta(description='"live": requests are sent one by one; "batch": in files, for half the price and in hours.'),
    ] = "live"
    engine: Annotated[
        Literal["local", "ray"],
        Meta(description='Who asks the servers: "local": this process; "ray": workers on a Ray cluster (docs/ray.md).'),
    ] = "local"
    plan: Plan = Plan()
    teachers: Teachers = Teachers()
    max_tokens: MaxTokens = MaxTokens()
    questions: Questions = Questions()
    curation: Curation = Curation()
    limits: Limits = Limits()
    batch: Batch = Batch()
    dataset: Dataset = Dataset()
    publish: Publish = Publish()
    network: Network = Network()
    ray: Ray = Ray()

    def __post_init__(self) -> None:
        """Refuse a language that is named twice."""
        named = [name_of(language) for language in self.languages]
        twice = next((name for name in named if named.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"languages name {twice} twice; give it one share")

    def teacher_of(self, stage: Stage) -> TeacherSettings:
        """Return the settings of a stage's teacher: those of its role, where they are set, over the default's."""
        role = self.role_of(stage)
        default = self.teachers.default
        unset = TeacherSettings()
        if stage is Stage.EMBEDDINGS:
            default = msgspec.structs.replace(default, **{name: getattr(unset, name) for name in _OF_A_WRITER})
        changed = {
            name: getattr(role, name) for name in role.__struct_fields__ if getattr(role, name) != getattr(unset, name)
        }
        return msgspec.structs.replace(default, **changed)

    @property
    def stages(self) -> tuple[Stage, ...]:
        """What teachers are asked for, in the order of a pair's way."""
        wanted = {
            Stage.EMBEDDINGS: self.curation.embeddings.enabled,
            Stage.RATINGS: self.questions.rating.enabled,
            Stage.SCORES: self.curation.critic.enabled,
            Stage.SAFETY: self.curation.safety.enabled,
            Stage.TAXONOMY: False,
            Stage.STUDENTS: False,
            Stage.JUDGEMENTS: False,
        }
        return tuple(stage for stage in Stage if wanted.get(stage, True))

    def role_of(self, stage: Stage) -> TeacherSettings:
        """Return what a stage's role sets by itself."""
        teachers = self.teachers
        own = {
            Stage.QUESTIONS: teachers.questions,
            Stage.ANSWERS: teachers.answers,
            Stage.EMBEDDINGS: teachers.embeddings,
            Stage.RATINGS: teachers.rating,
            Stage.SCORES: teachers.judge,
            Stage.SAFETY: teachers.guard,
            Stage.STUDENTS: teachers.student,
            Stage.JUDGEMENTS: teachers.judge,
        }
        return own.get(stage, teachers.curriculum)

    @property
    def language(self) -> str:
        """The first language: that of subjects and syllabi, and of trees that are built."""
        return next(iter(self.languages))

    @property
    def languages_of_questions(self) -> Languages:
        """The languages, from which each question has one."""
        return Languages.of(self.languages, self.seed)

    @property
    def told_languages(self) -> str:
        """The languages by their names, several with their shares."""
        return told({name_of(language): share for language, share in self.languages.items()})

    def checked_language(self, language: str | None = None) -> str | None:
        """Return a language, the first unless it is given, as a code, where curation holds texts to it; else None."""
        return code_of(language or self.language) if self.curation.wrong_language == "reject" else None

    @property
    def merges_names(self) -> bool:
        """Whether subjects and key concepts of nearly the same name are one; what is nearly the same is English."""
        return self.curation.near_names == "merge" and code_of(self.language) == "en"


class PartConfig(Config, frozen=True):
    """The settings where something is asked for, and no pair is made."""

    @classmethod
    def of(cls, config: Config) -> Self:
        """Return the same settings for this alone."""
        return cls(**{name: getattr(config, name) for name in config.__struct_fields__})


class StudentConfig(PartConfig, frozen=True):
    """The settings where a model is examined, which is none of the project's teachers."""

    @classmethod
    def of(cls, config: Config) -> Self:
        """Return the same settings with [teachers.student] in the place of [teachers.default]."""
        found = super().of(config)
        student = msgspec.structs.replace(config.teachers.student, spec=None)
        return msgspec.structs.replace(found, teachers=Teachers(default=student))

    @property
    def stages(self) -> tuple[Stage, ...]:
        """What is asked for: answers."""
        return (Stage.STUDENTS,)


class AskConfig(PartConfig, frozen=True):
    """The settings where prompts are asked that no stage has written."""

    @property
    def stages(self) -> tuple[Stage, ...]:
        """What is asked for: answers to what stands alone."""
        return (Stage.STUDENTS,)


class JudgeConfig(PartConfig, frozen=True):
    """The settings where answers are judged."""

    def named_anew(self) -> Self:
        """Return the same, where another judge is named than the settings have."""
        judge = self.teachers.judge
        default = judge if judge.spec is not None else self.teacher_of(Stage.JUDGEMENTS)
        return msgspec.structs.replace(self, teachers=Teachers(default=default))

    @property
    def stages(self) -> tuple[Stage, ...]:
        """What is asked for: judgements."""
        return (Stage.JUDGEMENTS,)


class TreeConfig(PartConfig, frozen=True):
    """The settings where a tree is built, and nothing else is asked for."""

    @property
    def stages(self) -> tuple[Stage, ...]:
        """What teachers are asked for: parts of branches."""
        return (Stage.TAXONOMY,)

    @property
    def merges_names(self) -> bool:
        """Whether near names are one: always in English, since several proposals name one thing in several ways."""
        return code_of(self.language) == "en"


def recipes() -> tuple[str, ...]:
    """Return the names of the shipped recipes."""
    folder = resources.files("glan") / "recipes"
    return tuple(sorted(file.name.removesuffix(".toml") for file in folder.iterdir() if file.name.endswith(".toml")))


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What a project begins with."""

    config: Config
    taxonomy: str
    """Name of a shipped taxonomy, for a project that names none."""
    disciplines: tuple[str, ...] = ()
    """Those that are kept of it; all if empty."""
    files: Mapping[str, str]
    """Further files of the project, by their names."""


def read_recipe(name: str) -> Recipe:
    """Return a shipped recipe.

    Raises:
        ConfigError: there is none of that name.

    """
    if name not in recipes():
        raise ConfigError(f"There is no recipe {name!r}; the recipes are {', '.join(recipes())}.")
    folder = resources.files("glan") / "recipes"
    found = _recipe_text(name)
    found = {**_recipe_text(str(found.pop("recipe"))), **found} if "recipe" in found else found
    taxonomy = str(found.pop("taxonomy", "builtin"))
    disciplines = msgspec.convert(found.pop("disciplines", ()), tuple[str, ...])
    beside = (folder / name).iterdir() if (folder / name).is_dir() else ()
    return Recipe(
        config=settings_of(Config, found, f"recipe {name}"),
        taxonomy=taxonomy,
        disciplines=disciplines,
        files={file.name: file.read_text(encoding="utf-8") for file in beside},
    )


def _recipe_text(name: str) -> dict[str, object]:
    text = (resources.files("glan") / "recipes" / f"{name}.toml").read_text(encoding="utf-8")
    return read_toml(text, f"recipe {name}")


def read_config(path: Path) -> Config:
    """Return the settings in a file.

    Raises:
        ConfigError: the file cannot be read, is no TOML, or has an unknown or wrong setting.

    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise file_error(ConfigError, path, "read", error) from error
    return parse_config(text, source=str(path))


def parse_config(text: str, *, source: str) -> Config:
    """Return the settings in a text; `source` names it in errors."""
    return settings_of(Config, _of_today(read_toml(text, source), source), source)


def _of_today(found: dict[str, object], source: str) -> dict[str, object]:
    """Return settings with `language`, of which there was one before there could be several, under today's name.

    Raises:
        ConfigError: it stands beside `languages`, or is no text.

    """
    if "language" not in found:
        return found
    language = found["language"]
    if "languages" in found or not isinstance(language, str):
        written = msgspec.json.encode(language).decode() if isinstance(language, str) else '"en"'
        raise ConfigError(
            f"{source}: `language` is the older name of `languages`, for one language alone; leave it out.",
            hint=f"languages = {{{written} = 1}} says the same, and takes several.",
        )
    return {**{name: value for name, value in found.items() if name != "language"}, "languages": {language: 1}}


def read_toml(text: str, source: str) -> dict[str, object]:
    """Return what a text of settings holds; `source` names it in errors.

    Raises:
        ConfigError: it is no TOML.

    """
    try:
        return tomllib.loads(text.removeprefix("\ufeff"))  # some editors begin a file so
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigError(f"{source} is not valid TOML: {error}.") from error


def settings_of(kind: type[S], found: Mapping[str, object], source: str) -> S:
    """Return what was read as settings of a kind.

    Raises:
        ConfigError: a setting is unknown, of the wrong kind or out of its range.

    """
    _refuse_unknown(kind, found, source)
    try:
        return msgspec.convert(found, kind)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{source}: {_told(str(error), kind)}") from error


def _refuse_unknown(kind: type[msgspec.Struct], found: Mapping[str, object], source: str, above: str = "") -> None:
    fields = {field.name: field.type for field in msgspec.structs.fields(kind)}
    for name, value in found.items():
        if name not in fields:
            near = difflib.get_close_matches(name, fields, n=1)
            way_out = f"did you mean {near[0]!r}?" if near else f"known here: {', '.join(fields)}."
            raise ConfigError(f"{source}: unknown setting {above + name!r}; {way_out}")
        below = fields[name]
        if isinstance(value, dict) and isinstance(below, type) and issubclass(below, Settings):
            _refuse_unknown(below, value, source, f"{above}{name}.")


def _told(message: str, kind: type[msgspec.Struct]) -> str:
    """Turn `Expected `int` >= 1 - at `$.pairs`` into `pairs: expected `int` >= 1.`."""
    what, _, where = message.partition(" - at `$.")
    if not where:
        return f"{what}."
    setting = where.rstrip("`")
    if what.startswith(_NO_CHOICE) and (choices := _choices(kind, setting)):
        return f"{setting}: {what.removeprefix(_NO_CHOICE)} is none of {', '.join(choices)}."
    return f"{setting}: {what[0].lower()}{what[1:]}."


def _choices(kind: type[msgspec.Struct], setting: str) -> list[str]:
    """Return the words of which a setting is one."""
    found: list[inspect.Type] = [inspect.type_info(kind)]
    for name in setting.split("."):
        fields = [field for each in found if isinstance(each, inspect.StructType) for field in each.fields]
        found = [part for field in fields if field.encode_name == name for part in _parts(field.type)]
    return [str(value) for each in found if isinstance(each, inspect.LiteralType) for value in each.values]


def _parts(found: inspect.Type) -> Iterator[inspect.Type]:
    """Give the types of which a value has one."""
    if isinstance(found, inspect.Metadata):
        yield from _parts(found.type)
    elif isinstance(found, inspect.UnionType):
        for each in found.types:
            yield from _parts(each)
    else:
        yield found
