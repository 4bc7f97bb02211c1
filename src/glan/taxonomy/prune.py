"""Taking what people voted out of the text of a tree, with its comments and order kept."""

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet

from msgspec.structs import replace

from glan.errors import TaxonomyError
from glan.places import key_of
from glan.records import Discipline
from glan.taxonomy.edit import select
from glan.taxonomy.lines import applied
from glan.taxonomy.nodes import roots_of
from glan.taxonomy.parts import Mapping as Table
from glan.taxonomy.parts import Part, Scalar, Sequence
from glan.taxonomy.pieces import SOURCE, cuts_in, unsafe
from glan.taxonomy.syntax import compose
from glan.taxonomy.tree import Taxonomy
from glan.taxonomy.votes import Element, Outcome


def pruned(text: str, outcome: Outcome) -> tuple[str, tuple[Element, ...]]:
    """Return the text without what the votes remove, and the subjects that the votes remove and that stay all the same.

    All subjects of a discipline are never removed: without any it would be asked for subjects, which is another thing
    than what people voted for.

    Raises:
        TaxonomyError: nothing would be left, or the file is written in a way that cannot be edited safely.

    """
    leaves = [element for element in outcome.elements if element.kind == "discipline"]
    kept = [element.leaf for element in leaves if element.id not in outcome.going]
    if not kept:
        raise TaxonomyError("The votes remove every discipline, so nothing was changed: a taxonomy has at least one.")
    gone, staying = _subjects(outcome, frozenset(kept))
    if len(kept) < len(leaves):
        text = select(text, kept)
    return (without_subjects(text, gone) if gone else text), staying


def without_subjects(text: str, gone: Mapping[str, AbstractSet[str]]) -> str:
    """Return the text without some given subjects: keys of subjects by the key of their discipline.

    Raises:
        TaxonomyError: the file is written in a way that cannot be edited safely.

    """
    old = Taxonomy.parse(text, SOURCE)
    cuts = [
        cut
        for leaf, subjects in _given(roots_of(compose(text, SOURCE), SOURCE))
        if leaf in gone
        for cut in cuts_in(text, subjects, [key_of(_name(item)) not in gone[leaf] for item in subjects.items])
    ]
    new = applied(text, cuts)
    if Taxonomy.parse(new, SOURCE).disciplines != tuple(_without(leaf, gone) for leaf in old.disciplines):
        raise unsafe()
    return new


def _subjects(outcome: Outcome, kept: AbstractSet[str]) -> tuple[dict[str, set[str]], tuple[Element, ...]]:
    """Return the subjects to remove from the disciplines that stay, and those that would be all of theirs."""
    gone: dict[str, set[str]] = {}
    left: set[str] = set()
    for element in outcome.elements:
        if element.kind == "subject" and element.leaf in kept:
            if element.id in outcome.going:
                gone.setdefault(element.leaf, set()).add(element.subject)
            else:
                left.add(element.leaf)
    staying = [e for e in outcome.elements if e.kind == "subject" and e.leaf in gone and e.leaf not in left]
    return {leaf: subjects for leaf, subjects in gone.items() if leaf in left}, tuple(staying)


def _without(leaf: Discipline, gone: Mapping[str, AbstractSet[str]]) -> Discipline:
    keys = gone.get(leaf.key, frozenset())
    return replace(leaf, subjects=tuple(subject for subject in leaf.subjects if subject.key not in keys))


def _given(items: Sequence) -> Iterator[tuple[str, Sequence]]:
    """Give the lists of subjects of a file, with the keys of their disciplines."""
    for item in items.items:
        if isinstance(item, Table):
            children, subjects = item.values.get("children"), item.values.get("subjects")
            if isinstance(children, Sequence):
                yield from _given(children)
            elif isinstance(subjects, Sequence):
                yield key_of(_name(item)), subjects


def _name(item: Part) -> str:
    name = item.values["name"] if isinstance(item, Table) else item
    return name.value if isinstance(name, Scalar) else ""
