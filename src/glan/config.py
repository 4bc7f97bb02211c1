"""Every setting once: its default, its range and a line of prose.

`glan.toml`, the reference page and the recipes are written from these classes and read back into them;
a setting that is not here is an error.
"""

import difflib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from glan.errors import ConfigError
from glan.records import Stage


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class Plan(Settings, frozen=True):
    questions_per_visit: Annotated[
        int, Meta(ge=1, le=1_000, description="Slots of the first visit to a discipline and to a subject.")
    ] = 4
    drafts: Annotated[
        int, Meta(ge=1, le=100, description="Most drafts of the list of subjects, per discipline (paper: 10).")
    ] = 10
    pair_share: Annotated[
        float, Meta(ge=0, le=1, description="Share of the questions that join two class sessions.")
    ] = 0.5
    law: Annotated[
        Literal["count", "sets"],
        Meta(
            description='"count": first how many key concepts, few more often than many; '
            '"sets": uniform over all sets, as the paper\'s formulas count them.'
        ),
    ] = "count"
    sampling: Annotated[
        Literal["balanced", "random"],
        Meta(description='"balanced": least-used sessions and key concepts first; "random": no preference.'),
    ] = "balanced"
    stop_below: Annotated[
        float,
        Meta(ge=0, le=1, description="The run ends when fewer of the last 200 slots than this became pairs; 0: never."),
    ] = 0.05


class Price(Settings, frozen=True):
    input: Annotated[float, Meta(ge=0, description="US dollars per million tokens of the prompt.")]
    output: Annotated[float, Meta(ge=0, description="US dollars per million tokens of the reply.")]
    cached: Annotated[float | None, Meta(description="The same for prompt tokens served from a cache.")] = None


class TeacherSettings(Settings, frozen=True):
    spec: Annotated[
        str | None,
        Meta(
            description='The teacher: "offline", "openai/MODEL", "ollama/MODEL", "vllm/MODEL@http://host:8000/v1" '
            'or "MODEL@URL".'
        ),
    ] = None
    temperature: Annotated[float | None, Meta(description="Sampling temperature; not sent unless set.")] = None
    top_p: Annotated[float | None, Meta(description="Nucleus sampling; not sent unless set.")] = None
    reasoning: Annotated[
        Literal["off", "low", "medium", "high", "server"],
        Meta(description='How much a model thinks before it writes; "server": nothing is sent, so the server decides.'),
    ] = "server"
    system: Annotated[str | None, Meta(description="A system message before every prompt.")] = None
    extra: Annotated[
        dict[str, object], Meta(description="Further keys of the request's body, merged into it unread.")
    ] = {}
    api_key_env: Annotated[str | None, Meta(description="Name of the environment variable with the key.")] = None
    api_key_header: Annotated[
        str | None, Meta(description="Header that carries the key; the provider's, or a bearer, unless set.")
    ] = None
    headers: Annotated[
        dict[str, str], Meta(description="Further headers of each request; keys go into api_key_env.")
    ] = {}
    base_urls: Annotated[
        tuple[str, ...],
        Meta(
            description="Several servers with the same model, in place of an address in `spec`; requests of one "
            "syllabus prefer one of them."
        ),
    ] = ()
    base_urls_file: Annotated[
        str | None,
        Meta(description="The same as a file, a line for each, read again while a run goes on: servers come and go."),
    ] = None
    api_key_envs: Annotated[
        dict[str, str],
        Meta(description="Names of the variables with the keys of single servers among these, by host."),
    ] = {}
    query: Annotated[dict[str, str], Meta(description="Query of the URL that is asked; keys go into api_key_env.")] = {}
    price: Annotated[Price | None, Meta(description="What the tokens cost, where the price list does not say.")] = None
    gpu_hour_usd: Annotated[
        Annotated[float, Meta(ge=0)] | None,
        Meta(
            description="What a server of your own costs in US dollars an hour, all its GPUs together, in place of a "
            "price of tokens: a run costs as long as it goes on."
        ),
    ] = None
    timeout_s: Annotated[float, Meta(gt=0, description="Seconds until a call that got no whole reply is given up.")] = (
        3_600.0
    )


class Teachers(Settings, frozen=True):
    default: TeacherSettings = TeacherSettings()
    curriculum: TeacherSettings = TeacherSettings()
    questions: TeacherSettings = TeacherSettings()
    answers: TeacherSettings = TeacherSettings()


class MaxTokens(Settings, frozen=True):
    subjects: Annotated[int, Meta(ge=1, description="Room for a list of subjects, in tokens.")] = 4_096
    syllabi: Annotated[int, Meta(ge=1, description="Room for a syllabus.")] = 8_192
    questions: Annotated[int, Meta(ge=1, description="Room for a question.")] = 1_024
    answers: Annotated[
        int,
        Meta(ge=1, description="Room for an answer; one that is cut off is asked for once more with twice as much."),
    ] = 4_096


class Curation(Settings, frozen=True):
    near_duplicates: Annotated[
        float,
        Meta(
            ge=0,
            le=1,
            description="Jaccard similarity of word 3-grams from which a question is a copy; 0: only exact copies.",
        ),
    ] = 0.7
    max_question_length: Annotated[int, Meta(ge=1, description="Longest question, in characters.")] = 8_000
    cut_prompts: Annotated[
        Literal["reject", "keep"],
        Meta(description="What becomes of a reply of which the server cut the prompt, as its count of tokens shows."),
    ] = "reject"
    beside: Annotated[
        Literal["auto", "always", "never"],
        Meta(
            description="Whether texts are examined in a process of its own, with the same verdicts: auto does so from "
            "50,000 pairs on where there is a second core."
        ),
    ] = "auto"


class Limits(Settings, frozen=True):
    concurrency: Annotated[
        Literal["adaptive", "fixed"],
        Meta(
            description='"adaptive": as many requests in flight as the servers bear, found out as they answer; '
            '"fixed": always as many as max_in_flight says.'
        ),
    ] = "adaptive"
    max_in_flight: Annotated[
        Annotated[int, Meta(ge=1, le=100_000)] | None,
        Meta(
            description="Most requests in flight at once to each server; if unset 1,024, and 64 where the number is "
            "fixed or no server is asked."
        ),
    ] = None
    rpm: Annotated[
        Annotated[float, Meta(gt=0)] | None,
        Meta(description="Most requests a minute to each server; more wait. What a server says of itself holds too."),
    ] = None
    tpm: Annotated[
        Annotated[float, Meta(gt=0)] | None,
        Meta(description="Most tokens a minute, of prompts and replies, to and from each server."),
    ] = None
    max_retries: Annotated[
        int, Meta(ge=0, le=100, description="How often a request that may succeed later is sent again.")
    ] = 8
    outage_s: Annotated[
        float,
        Meta(ge=0, description="Seconds for which servers that no longer answer are waited for; then the run stops."),
    ] = 900.0
    look_ahead: Annotated[int, Meta(ge=1, description="Most slots begun and not yet in their turn.")] = 70_000

    @property
    def ceiling(self) -> int:
        """The most in flight where the number adapts."""
        return self.max_in_flight or 1_024

    @property
    def fixed(self) -> int:
        """The number in flight where it does not."""
        return self.max_in_flight or 64


class Batch(Settings, frozen=True):
    minimum: Annotated[
        int,
        Meta(
            ge=1,
            le=10_000,
            description="Fewest requests that are worth a batch; where fewer can be asked they are asked live.",
        ),
    ] = 100
    first: Annotated[
        Literal["live", "batch"],
        Meta(description='How the first request of each kind is asked: "live" shows at once what the model takes.'),
    ] = "live"
    tail: Annotated[
        Literal["live", "batch"],
        Meta(description='What is left below the minimum: "live": asked at once; "batch": in batches, however few.'),
    ] = "live"
    max_requests: Annotated[int, Meta(ge=1, le=50_000, description="Most requests of one batch.")] = 50_000
    max_mb: Annotated[float, Meta(gt=0, le=200, description="Longest file of one batch, in millions of bytes.")] = 200.0
    poll_s: Annotated[float, Meta(gt=0, description="Seconds until a batch that is out is looked at first.")] = 10.0
    max_poll_s: Annotated[
        float, Meta(gt=0, description="Longest pause between two looks; it grows by half while nothing changes.")
    ] = 600.0
    settle_s: Annotated[
        float,
        Meta(ge=0, description="Seconds after which a batch that was handed in is in the provider's list for sure."),
    ] = 30.0
    price_share: Annotated[
        Annotated[float, Meta(ge=0, le=1)] | None,
        Meta(description="What a batch costs of the price of a live reply; as the provider says if unset, else 1."),
    ] = None


class Dataset(Settings, frozen=True):
    name: Annotated[str | None, Meta(description="Name of the data set on its card; the folder's if unset.")] = None
    license: Annotated[str | None, Meta(description="Licence of the data set; never guessed.")] = None
    shard_rows: Annotated[int, Meta(ge=1, le=1_000_000, description="Rows of a parquet file.")] = 10_000


class Network(Settings, frozen=True):
    allow: Annotated[
        tuple[str, ...] | None,
        Meta(description='The only hosts that are asked, as "api.openai.com" or "localhost:8000"; any unless set.'),
    ] = None
    ca_file: Annotated[
        str | None,
        Meta(description="PEM file with authorities that are trusted beside the machine's, for servers of your own."),
    ] = None


class Config(Settings, frozen=True):
    pairs: Annotated[int, Meta(ge=1, le=1_000_000_000, description="How many pairs to make.")] = 1_000
    seed: Annotated[int, Meta(ge=0, description="Everything that is drawn follows from it.")] = 0
    language: Annotated[
        str, Meta(min_length=1, max_length=60, description='Language of the data set, as a code ("en") or a name.')
    ] = "en"
    mode: Annotated[
        Literal["live", "batch"],
        Meta(description='"live": requests are sent one by one; "batch": in files, for half the price and in hours.'),
    ] = "live"
    plan: Plan = Plan()
    teachers: Teachers = Teachers()
    max_tokens: MaxTokens = MaxTokens()
    curation: Curation = Curation()
    limits: Limits = Limits()
    batch: Batch = Batch()
    dataset: Dataset = Dataset()
    network: Network = Network()

    def teacher_of(self, stage: Stage) -> TeacherSettings:
        """Return the settings of a stage's teacher: those of its role, where they are set, over the default's."""
        role = self.role_of(stage)
        unset = TeacherSettings()
        changed = {
            name: getattr(role, name) for name in role.__struct_fields__ if getattr(role, name) != getattr(unset, name)
        }
        return msgspec.structs.replace(self.teachers.default, **changed)

    def role_of(self, stage: Stage) -> TeacherSettings:
        """Return what a stage's role sets by itself."""
        own = {Stage.QUESTIONS: self.teachers.questions, Stage.ANSWERS: self.teachers.answers}
        return own.get(stage, self.teachers.curriculum)

    @property
    def language_name(self) -> str:
        """The language as the prompts name it."""
        return _LANGUAGES.get(self.language.casefold(), self.language)


_LANGUAGES: Mapping[str, str] = {
    "ar": "Arabic", "bg": "Bulgarian", "bn": "Bengali", "ca": "Catalan", "cs": "Czech", "da": "Danish",
    "de": "German", "el": "Greek", "en": "English", "es": "Spanish", "et": "Estonian", "eu": "Basque",
    "fa": "Persian", "fi": "Finnish", "fr": "French", "gl": "Galician", "he": "Hebrew", "hi": "Hindi",
    "hr": "Croatian", "hu": "Hungarian", "id": "Indonesian", "it": "Italian", "ja": "Japanese", "ko": "Korean",
    "lt": "Lithuanian", "lv": "Latvian", "ms": "Malay", "nb": "Norwegian", "nl": "Dutch", "pl": "Polish",
    "pt": "Portuguese", "ro": "Romanian", "ru": "Russian", "sk": "Slovak", "sl": "Slovenian", "sr": "Serbian",
    "sv": "Swedish", "sw": "Swahili", "ta": "Tamil", "th": "Thai", "tr": "Turkish", "uk": "Ukrainian",
    "ur": "Urdu", "vi": "Vietnamese", "zh": "Chinese",
}  # fmt: skip
"""English names of ISO 639-1 codes; any other code or name is given to the teacher as it is."""


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


def read_recipe(name: str) -> Recipe:
    """Return a shipped recipe."""
    if name not in recipes():
        raise ConfigError(f"There is no recipe {name!r}; the recipes are {', '.join(recipes())}.")
    text = (resources.files("glan") / "recipes" / f"{name}.toml").read_text(encoding="utf-8")
    found = _read_toml(text, f"recipe {name}")
    taxonomy = str(found.pop("taxonomy", "builtin"))
    return Recipe(config=_config_of(found, f"recipe {name}"), taxonomy=taxonomy)


def read_config(path: Path) -> Config:
    """Return the settings in a file.

    Raises:
        ConfigError: the file cannot be read, is no TOML, or has an unknown or wrong setting.

    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {error}.") from error
    return parse_config(text, source=str(path))


def parse_config(text: str, *, source: str) -> Config:
    """Return the settings in a text; `source` names it in errors."""
    return _config_of(_read_toml(text, source), source)


def _read_toml(text: str, source: str) -> dict[str, object]:
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigError(f"{source} is not valid TOML: {error}.") from error


def _config_of(found: Mapping[str, object], source: str) -> Config:
    _refuse_unknown(Config, found, source)
    try:
        return msgspec.convert(found, Config)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{source}: {_told(str(error))}") from error


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


def _told(message: str) -> str:
    """Turn `Expected `int` >= 1 - at `$.pairs`` into `pairs: expected `int` >= 1.`."""
    what, _, where = message.partition(" - at `$.")
    return f"{where.rstrip('`')}: {what[0].lower()}{what[1:]}." if where else f"{what}."
