"""What a data set may claim: what was checked, and what was not. Each line stands only while it is true.

The card and the manifest have them, since a reader takes for granted whatever nobody denies.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from glan.against import Against
from glan.config import Config
from glan.curate.judged import told_of_look
from glan.curate.votes import told_of_votes
from glan.language_names import LANGUAGES, name_of
from glan.options import RULES_DID_NOT_RUN
from glan.records import Discipline, Stage
from glan.taxonomy.seals import is_as_written
from glan.teachers.ledgered import Choice
from glan.wording import counted

_OF_BOTH = (
    "empty, cut off, withheld by a content filter, refused, thinking left in the text, repetition loops, "
    "code or formulas never closed"
)
_KINDS = (
    "e-mail addresses, telephone numbers, payment cards, bank accounts, national identity numbers and public IP "
    "addresses, by their form and check digits; names and postal addresses are not found"
)


def checked(config: Config, against: Against, rules: tuple[int, int] | None) -> tuple[str, ...]:
    """Return what was checked, a sentence each; `rules` are how many of the project's ran, on either text."""
    return tuple(_checked(config, against, rules))


def given(disciplines: Collection[Discipline]) -> str:
    """Say how much of the curricula was not asked for; nothing where all of it was."""
    theirs = [found for found in disciplines if found.subjects]
    subjects = [subject for found in theirs for subject in found.subjects]
    syllabi = sum(bool(subject.sessions or subject.syllabus) for subject in subjects)
    written = sum(map(is_as_written, subjects))
    if not theirs:
        return ""
    of_all = f"{len(theirs):,} of {counted(len(disciplines), 'discipline')}"
    return (
        f"The taxonomy of the project gives the subjects of {of_all}, "
        f"and syllabi of {syllabi:,} of these {counted(len(subjects), 'subject')}"
        + (f"; {written:,} of those stand as a language model wrote them." if written else ".")
    )


def near_names(config: Config, found: Mapping[str, Any]) -> Iterator[str]:
    """Say how many subjects and key concepts were merged into others, where they are."""
    if config.merges_names:
        yield (
            f"Near names: {found.get('subjects', 0):,} subjects and {found.get('key_concepts', 0):,} key concepts were "
            "merged into earlier ones of nearly the same name."
        )


def looked_at(config: Config, models: Mapping[Stage, str], unread: Mapping[str, int]) -> Iterator[str]:
    """Say what models said of questions and pairs, and of how many they could not be read."""
    for stage in config.stages:
        told = told_of_look(stage, config, models[stage])
        if told is not None:
            is_own = stage is Stage.SCORES and models[stage] == models[Stage.ANSWERS]
            own = " It is the model that wrote the answers." if is_own else ""
            n_unread = unread.get(stage.value, 0)
            yield f"{told}{own}" + (f" Of {n_unread:,} pairs it could not be read." if n_unread else "")


def unread(found: Mapping[str, int], rows: int) -> Iterator[str]:
    """Say of how many rows what was said of them could not be read, where it was so."""
    for stage, n in found.items():
        yield f"The {stage} of {n:,} of {rows:,} rows could not be read: they are null, and no pair was dropped for it."


def kept(choice: str) -> Iterator[str]:
    """Say that replies may be from before a change, where a person has let them stand."""
    if choice == Choice.KEEP:
        yield (
            "Replies from before a change of a model, a prompt or a setting were kept (--keep): they need not be from "
            "what is named here."
        )


def not_done(config: Config, against: Against, *, has_idle_rules: bool) -> tuple[str, ...]:
    """Return what was not done, a sentence each; idle rules are a rules.py that nobody let run."""
    listed = _not_done(config, has_idle_rules=has_idle_rules)
    return (*against.not_checked(), *(sentence for is_true, sentence in listed if is_true))


def _checked(config: Config, against: Against, rules: tuple[int, int] | None) -> Iterator[str]:
    curation = config.curation
    yield f"Questions: {_OF_BOTH}, too long, instructions left in the text, exact duplicates."
    yield f"Answers: {_OF_BOTH}, copies of their question."
    known, _ = _held_to(config)
    if known:
        theirs = ", each in that of its slot" if len(config.languages) > 1 else ""
        yield f"Texts that are surely in another language than {' or '.join(known)}{theirs}."
    if curation.near_duplicates:
        yield f"Near duplicates: Jaccard similarity of word 3-grams from {curation.near_duplicates:g}."
    if curation.embeddings.enabled:
        yield (
            f"Copies in meaning: cosine from {curation.embeddings.similarity:g} with one of the last "
            f"{curation.embeddings.last:,} questions of the same subject."
        )
    if curation.pii != "off":
        fate = "marked in the column pii" if curation.pii == "mark" else "rejected"
        yield f"Personal data, {fate}: {_KINDS}."
    if rules is not None:
        yield f"The project's own rules.py: {rules[0]} rules on questions, {rules[1]} on answers."
    yield from against.checked()
    yield from told_of_votes(curation.agreement)


def _not_done(config: Config, *, has_idle_rules: bool) -> Iterator[tuple[bool, str]]:
    """Give each sentence with whether it is true."""
    curation = config.curation
    yield not curation.critic.enabled, "No model judged the pairs."
    yield True, "The answers were not verified: some will be wrong."
    yield curation.agreement.samples == 1, "Each question was answered once: no answers were held against each other."
    yield not config.questions.rating.enabled, "No model rated beforehand whether the questions can be answered."
    yield not curation.near_duplicates, "Near copies were not looked for."
    yield (
        not curation.embeddings.enabled,
        "Copies in meaning were not looked for: the same question in other words may be there.",
    )
    known, unknown = _held_to(config)
    yield not known, "The language of the texts was not checked."
    yield bool(known and unknown), f"The language of texts in {' and '.join(unknown)} was not checked."
    yield not curation.safety.enabled, "No guard model looked for unsafe content."
    yield curation.pii == "off", "Personal data was not looked for."
    yield curation.cut_prompts == "keep", "Replies were kept although the server had cut their prompt."
    yield has_idle_rules, RULES_DID_NOT_RUN


def _held_to(config: Config) -> tuple[list[str], list[str]]:
    """Return the languages that texts are held to, and those in which nobody looks, both by name."""
    codes = {language: config.checked_language(language) for language in config.languages}
    known = dict.fromkeys(LANGUAGES[code] for code in codes.values() if code is not None)
    return [*known], [name_of(language) for language, code in codes.items() if code is None]
