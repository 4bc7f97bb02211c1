"""The prompts: one file each, rendered strictly and in a sandbox.

A template is untrusted, since a project folder may come from a stranger: it sees its own variables and nothing else.
Fixed text and the syllabus stand first and the draw last, so that a server's prompt cache can serve the beginning.
"""

import hashlib
from collections.abc import Mapping
from importlib import resources
from pathlib import Path

from jinja2 import StrictUndefined, Template, TemplateError, meta
from jinja2.sandbox import ImmutableSandboxedEnvironment

from glan.errors import PromptError, file_error
from glan.language_names import request_in
from glan.records import Stage

VARIABLES: Mapping[str, frozenset[str]] = {
    "draft_subjects": frozenset({"discipline", "notes", "language", "language_line"}),
    "list_subjects": frozenset({"language", "language_line"}),
    "draft_syllabus": frozenset({"discipline", "subject", "level", "subtopics", "notes", "language", "language_line"}),
    "list_sessions": frozenset({"language", "language_line"}),
    "write_question": frozenset(
        {
            "discipline",
            "subject",
            "level",
            "syllabus",
            "sessions",
            "key_concepts",
            "several",
            "notes",
            "language",
            "language_line",
            "form",
            "difficulty",
            "constraint",
        }
    ),
    "answer_question": frozenset({"question", "language", "language_line"}),
    "rate_question": frozenset({"question", "mark", "language", "language_line"}),
    "score_pair": frozenset({"question", "answer", "mark", "language", "language_line"}),
    "judge_safety": frozenset({"question", "answer", "mark", "language", "language_line"}),
    "mend_reply": frozenset({"error", "language", "language_line"}),
    "divide_as_scholar": frozenset({"whole", "above", "notes", "language", "language_line"}),
    "divide_as_practitioner": frozenset({"whole", "above", "notes", "language", "language_line"}),
    "divide_as_librarian": frozenset({"whole", "above", "notes", "language", "language_line"}),
    "list_parts": frozenset({"language", "language_line"}),
    "compare_answers": frozenset({"question", "first", "second", "mark", "language", "language_line"}),
    "grade_answer": frozenset({"question", "answer", "mark", "language", "language_line"}),
    "vote_on_parts": frozenset({"above", "notes", "elements", "mark", "language", "language_line"}),
}
"""Every prompt, and the variables that it may use."""

OF_LOOKS: Mapping[str, Stage] = {
    "rate_question": Stage.RATINGS,
    "score_pair": Stage.SCORES,
    "judge_safety": Stage.SAFETY,
}
"""The prompts of those who look at a pair."""
OF_TREES: Mapping[str, Stage] = dict.fromkeys(
    ("divide_as_scholar", "divide_as_practitioner", "divide_as_librarian", "list_parts", "vote_on_parts"),
    Stage.TAXONOMY,
)
"""The prompts with which a tree is built, and voted on."""
OF_EXAMS: Mapping[str, Stage] = dict.fromkeys(("compare_answers", "grade_answer"), Stage.JUDGEMENTS)
"""The prompts of those who judge the answers of models."""
OF_NO_PAIR: Mapping[str, Stage] = {**OF_TREES, **OF_EXAMS}
"""The prompts that reach no pair."""
OF_SOME: Mapping[str, Stage] = {**OF_LOOKS, **OF_NO_PAIR}
"""The prompts that only some projects need: where a project has none of its own, the shipped one stands in."""

_TRIED_WITH: Mapping[str, object] = {
    "above": ("Physical sciences",),
    "answer": "The air that they shine through is never still.",
    "constraint": "Say in the question that its answer has at most 20 words.",
    "difficulty": "Easy: one step.",
    "discipline": "Astronomy",
    "elements": ({"title": "Astronomy", "about": "a discipline"},),
    "error": "The list has no subject with a name.",
    "first": "The air is never still.",
    "form": "A comparison.",
    "key_concepts": ["Parallax", "Parsec"],
    "language": "English",
    "language_line": "日本語で書いてください。",
    "level": "introductory",
    "mark": "0123456789abcdef",
    "notes": ("for amateurs",),
    "question": "Why do stars twinkle?",
    "second": "They do not: the air does.",
    "sessions": ["Distances", "Brightness"],
    "several": True,
    "subject": "Stars",
    "subtopics": ("Distances", "Brightness"),
    "syllabus": "Two class sessions on stars.",
    "whole": "Astronomy",
}
"""Every template is rendered once when it is read: one that fails does so before anything is paid for."""

SUFFIX = ".md.j2"
_RENDERING_ERRORS = (
    TemplateError,
    TypeError,
    ValueError,
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    MemoryError,
)
"""What a template can run into."""


class Prompts:
    """The prompts of one project, compiled."""

    def __init__(self, sources: Mapping[str, str]) -> None:
        """Compile templates, given as name to text.

        Raises:
            PromptError: one is missing, does not parse, uses a variable that it is not given, or cannot be rendered.

        """
        environment = ImmutableSandboxedEnvironment(
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            autoescape=False,  # a prompt is text for a model, not HTML
        )
        self.sources = dict(sources)
        self._environment = environment
        self._templates = {name: _compile(environment, name, sources) for name in VARIABLES}
        for name, variables in VARIABLES.items():
            self.render(name, **{variable: _TRIED_WITH[variable] for variable in variables})

    @classmethod
    def shipped(cls) -> "Prompts":
        """Return the prompts that come with `glan`."""
        return cls({name: _shipped(name) for name in VARIABLES})

    @classmethod
    def read(cls, folder: Path) -> "Prompts":
        """Return the prompts of a folder; one that only some need and that is not there is the shipped one."""
        try:
            return cls({name: _own(folder, name) for name in VARIABLES})
        except (OSError, UnicodeDecodeError) as error:
            hint = "Copy the missing file from another project, or make one with `glan init`."
            path = f"The prompt {error.filename}" if isinstance(error, OSError) else f"A prompt in {folder}"
            raise file_error(PromptError, path, "read", error, hint) from error

    def write(self, folder: Path) -> None:
        """Write every prompt as a file of its own."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, source in self.sources.items():
            (folder / f"{name}{SUFFIX}").write_text(source, encoding="utf-8")

    def render(self, name: str, /, **variables: object) -> str:
        """Return the text of a prompt; what asks for the language in that language follows from its name.

        Raises:
            PromptError: the template fails, for example because it does what the sandbox forbids.

        """
        try:
            asked = {"language_line": request_in(str(variables.get("language", "English"))), **variables}
            return self._templates[name].render(asked).strip()
        except _RENDERING_ERRORS as error:
            raise PromptError(f"The prompt {name}{SUFFIX} cannot be rendered: {str(error).rstrip('.')}.") from error

    def leaves_out(self, name: str, variable: str) -> bool:
        """Say whether a prompt never uses a variable that it is given."""
        return variable not in meta.find_undeclared_variables(self._environment.parse(self.sources[name]))

    def hash_of(self, name: str) -> str:
        """Return 16 hexadecimal digits that change when the template does."""
        return hashlib.blake2b(self.sources[name].encode(), digest_size=8).hexdigest()


def _shipped(name: str) -> str:
    return (resources.files("glan.prompts") / f"{name}{SUFFIX}").read_text(encoding="utf-8")


def _own(folder: Path, name: str) -> str:
    """Return the text of a project's prompt; a project may be older than those that only some need."""
    path = folder / f"{name}{SUFFIX}"
    return _shipped(name) if name in OF_SOME and not path.exists() else path.read_text(encoding="utf-8")


def _compile(environment: ImmutableSandboxedEnvironment, name: str, sources: Mapping[str, str]) -> Template:
    if name not in sources:
        raise PromptError(f"The prompt {name}{SUFFIX} is missing.")
    try:
        unknown = meta.find_undeclared_variables(environment.parse(sources[name])) - VARIABLES[name]
        template = environment.from_string(sources[name])
        # Jinja keeps them as a chain of maps, and copies that chain, item by item, for every rendering.
        template.globals = dict(template.globals)
    except TemplateError as error:
        line = getattr(error, "lineno", None)
        raise PromptError(f"The prompt {name}{SUFFIX} does not parse, line {line}: {error}.") from error
    if unknown:
        raise PromptError(
            f"The prompt {name}{SUFFIX} uses {', '.join(sorted(unknown))}, which it is not given; "
            f"it may use {', '.join(sorted(VARIABLES[name]))}."
        )
    return template
