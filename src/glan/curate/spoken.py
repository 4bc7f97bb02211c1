"""In which of a project's languages a question is that was asked for when the project had others, or other shares."""

from msgspec.structs import replace

from glan.curate.languages import language_of
from glan.language_names import code_of
from glan.languages import Languages
from glan.records import Question


def as_spoken(question: Question, languages: Languages) -> Question:
    """Return a question with the language that it is in for sure, where its reply was kept and need not be in its own.

    So its answer and the rules go by the language of its text, and nothing that a person let stand is refused for it.
    """
    if not question.reply.is_kept or len(languages.ends) <= 1:
        return question
    found = language_of(question.text)
    named = next((language for language in languages.names if found is not None and code_of(language) == found), None)
    return question if named is None else replace(question, language=named)
