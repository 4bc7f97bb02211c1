"""The settings as the text of a TOML file, in which every one stands with its line of prose."""

from collections.abc import Mapping

import msgspec
from msgspec import Meta

from glan.config import Config
from glan.settings import Price, Questions, Settings, Teachers, TeacherSettings

_ROLES = {
    "curriculum": "subjects and syllabi, and trees that are built",
    "questions": "questions",
    "answers": "answers",
    "embeddings": "embeddings",
    "rating": "ratings of questions",
    "judge": "scores of pairs, and judgements of models",
    "guard": "the safety of pairs",
    "student": "the answers of models that are examined",
}


def render_config(config: Config) -> str:
    """Return the settings as a TOML file in which every setting stands with its line of prose.

    What is unset stands as a comment.
    """
    lines = ["# What to make. Every setting is here; an unknown one is an error."]
    _render_table(config, "", lines)
    return "\n".join(lines) + "\n"


def _render_table(settings: msgspec.Struct, above: str, lines: list[str]) -> None:
    tables: list[tuple[str, msgspec.Struct]] = []
    listed: list[str] = []
    for field in msgspec.structs.fields(settings):
        value = getattr(settings, field.name)
        if isinstance(value, Settings) and not isinstance(value, Price):
            tables.append((f"{above}{field.name}", value))
            continue
        if isinstance(settings, Questions):
            # A person adds lines to these, which TOML forbids in a table that stands in one line.
            listed += ["", f"# {description_of(field)}", f"[{above}{field.name}]"]
            listed += [f"{_key(name)} = {_toml(item)}" for name, item in value.items()]
            continue
        lines.append(f"# {description_of(field)}")
        written = f"{field.name} = {_toml(value)}"
        lines.append(f"# {field.name} =" if value is None else written)
    lines += listed
    for name, value in tables:
        if isinstance(value, Teachers):
            _render_teachers(value, lines)
        else:
            lines += [] if isinstance(value, Questions) else ["", f"[{name}]"]
            _render_table(value, f"{name}.", lines)


def _render_teachers(teachers: Teachers, lines: list[str]) -> None:
    """Write the default teacher whole, and of each role only what it sets."""
    lines += ["", "[teachers.default]"]
    _render_table(teachers.default, "teachers.default.", lines)
    unset = TeacherSettings()
    for role, what in _ROLES.items():
        settings: TeacherSettings = getattr(teachers, role)
        lines += ["", f"# What is set here goes before [teachers.default] for {what}.", f"[teachers.{role}]"]
        for name in settings.__struct_fields__:
            if getattr(settings, name) != getattr(unset, name):
                lines.append(f"{name} = {_toml(getattr(settings, name))}")


def description_of(field: msgspec.structs.FieldInfo) -> str:
    """Return the line of prose of a setting."""
    kind = field.type
    for meta in getattr(kind, "__metadata__", ()):
        if isinstance(meta, Meta) and meta.description:
            return meta.description
    return ""


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, msgspec.Struct):
        return _toml(msgspec.structs.asdict(value))
    if isinstance(value, Mapping):
        return (
            "{" + ", ".join(f"{_key(name)} = {_toml(item)}" for name, item in value.items() if item is not None) + "}"
        )
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    return msgspec.json.encode(value).decode()


def _key(name: str) -> str:
    return name if name.replace("_", "").replace("-", "").isalnum() and name.isascii() else _toml(name)
