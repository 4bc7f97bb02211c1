"""The tree of fields and disciplines as a value: read, looked up in, cut down to some disciplines.

Only the leaves are passed on to the plan; a branch is where people group them, and what its weight and notes are for.
"""

import difflib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path

from glan.errors import TaxonomyError, file_error
from glan.places import key_of
from glan.records import Discipline
from glan.taxonomy.nodes import Branch, Node, leaves_of, read_nodes, roots_of
from glan.taxonomy.parts import MAX_LENGTH
from glan.taxonomy.syntax import compose, shown
from glan.wording import few

Chain = tuple[Node, ...]
"""A node with the branches above it, from the top; the node stands last."""

_SHIPPED: Mapping[str, str] = {"builtin": "knowledge.yaml", "paper": "paper.yaml", "example": "example.yaml"}
_SLASH = re.compile(r"\s*/\s*")
_MAX_LISTED = 5
_LISTS = "`glan taxonomy show` lists what a project has, and with --taxonomy NAME what another tree has."


@dataclass(frozen=True, slots=True, kw_only=True)
class Taxonomy:
    """A tree that was read and found good."""

    roots: tuple[Node, ...]
    disciplines: tuple[Discipline, ...]
    """All leaves, in the order of the file."""
    source: str
    """Where it comes from, for messages."""

    @classmethod
    def parse(cls, text: str, source: str) -> "Taxonomy":
        """Return the taxonomy in a YAML text; `source` names it in errors.

        Raises:
            TaxonomyError: it cannot be read, or a node is not as it must be.

        """
        return cls.of(read_nodes(roots_of(compose(text, source), source), source), source)

    @classmethod
    def read(cls, path: Path) -> "Taxonomy":
        """Return the taxonomy in a file.

        Raises:
            TaxonomyError: the file cannot be read, or is no taxonomy.

        """
        return cls.parse(read_text(path), str(path))

    @classmethod
    def shipped(cls, name: str) -> "Taxonomy":
        """Return a taxonomy that comes with `glan`."""
        return cls.parse(shipped_text(name), f"taxonomy {name}")

    @classmethod
    def of(cls, roots: tuple[Node, ...], source: str) -> "Taxonomy":
        """Return the taxonomy of nodes that were checked before."""
        return cls(roots=roots, disciplines=tuple(leaves_of(roots)), source=source)

    @property
    def branches(self) -> tuple[Branch, ...]:
        """All branches, each before what is below it."""
        return tuple(chain[-1] for chain in self.chains() if isinstance(chain[-1], Branch))

    def chains(self) -> Iterator[Chain]:
        """Give every node with the branches above it, in the order of the file."""
        yield from _chains(self.roots, ())

    def named(self, name: str) -> Node:
        """Return the node of a name, or of a path such as `Field/Sub-field`; one from the top begins with a slash.

        Raises:
            TaxonomyError: there is none, or there are several.

        """
        return self.found(name)[-1]

    def leaf(self, name: str) -> Discipline:
        """Return the discipline of a name, a title or a path.

        Raises:
            TaxonomyError: there is none, or it is a branch.

        """
        node = self.named(name)
        if isinstance(node, Branch):
            raise TaxonomyError(f"{shown(name)} is a branch of {self.source}, not a discipline.", hint=_LISTS)
        return node

    def found(self, name: str) -> Chain:
        """Return the same with the branches above it.

        Raises:
            TaxonomyError: there is none, or there are several.

        """
        found = self.matching(name)
        if not found:
            raise self._unknown(name, "node", [chain[-1].name for chain in self.chains()])
        if len(found) > 1:
            paths = [path_of(chain) for chain in found]
            raise TaxonomyError(
                f"{shown(name)} is not the name of one node in {self.source}; write one of {few(paths, _MAX_LISTED)}."
            )
        return found[0]

    def finder(self) -> Callable[[str], Chain]:
        """Return `found` for many names: those that say at once which node is meant cost one look."""
        by_name: dict[str, list[Chain]] = {}
        by_path: dict[str, Chain] = {}
        for chain in self.chains():
            by_name.setdefault(chain[-1].key, []).append(chain)
            by_path[key_of(path_of(chain))] = chain

        def find(name: str) -> Chain:
            key = key_of(name)
            named = by_name.get(key, [])
            return by_path.get(key) or (named[0] if len(named) == 1 else self.found(name))

        return find

    def matching(self, name: str) -> list[Chain]:
        """Return the chains that end in a name or path; titles count where no name does."""
        query = _SLASH.sub("/", key_of(name))
        chains = list(self.chains())
        return _ending(chains, query, lambda node: node.key) or _ending(chains, query, lambda node: key_of(node.title))

    def leaves_under(self, node: Node) -> tuple[Discipline, ...]:
        """Return the disciplines below a branch, or the discipline itself."""
        return node.leaves if isinstance(node, Branch) else (node,)

    def under(self, name: str) -> "Taxonomy":
        """Return the taxonomy with the disciplines below a node alone, or with that discipline.

        Raises:
            TaxonomyError: there is no such node, or there are several.

        """
        kept = {leaf.key for leaf in self.leaves_under(self.named(name))}
        return self.of(tuple(_kept(self.roots, kept)), self.source)

    def keep(self, disciplines: Iterable[str]) -> "Taxonomy":
        """Return the taxonomy with these disciplines alone, in its own order; empty branches vanish.

        Raises:
            TaxonomyError: one of them is no discipline here, or none is named.

        """
        by_key = {leaf.key: leaf.key for leaf in self.disciplines}
        by_title = {key_of(leaf.title): leaf.key for leaf in self.disciplines}
        kept = {self._leaf_key(name, {**by_title, **by_key}) for name in disciplines}
        if not kept:
            raise TaxonomyError("No discipline is named; name at least one to keep.")
        return self.of(tuple(_kept(self.roots, kept)), self.source)

    def _leaf_key(self, name: str, keys: Mapping[str, str]) -> str:
        key = keys.get(key_of(name))
        if key is not None:
            return key
        if self.matching(name):
            raise TaxonomyError(
                f"{shown(name)} is a branch of {self.source}, not a discipline; name disciplines below it.",
                hint=_LISTS,
            )
        raise self._unknown(name, "discipline", [leaf.name for leaf in self.disciplines])

    def _unknown(self, name: str, what: str, names: Iterable[str]) -> TaxonomyError:
        near = nearest(name, names)
        guess = f"; did you mean {' or '.join(map(shown, near))}?" if near else "."
        return TaxonomyError(
            f"There is no {what} {shown(name)} in {self.source}{guess}",
            hint="" if near else _LISTS,
        )


def read_text(path: Path, *, hint: str = "`glan init` writes a taxonomy.") -> str:
    """Return the text of a taxonomy file, or of another that is read into one; `hint` is for one that is not there.

    Raises:
        TaxonomyError: it is not there, too long, or not in UTF-8.

    """
    try:
        with path.open("rb") as file:
            # UTF-8 has at most four bytes a character; a device that never ends is cut off here.
            data = file.read(4 * MAX_LENGTH + 1)
        return data.decode("utf-8")
    except FileNotFoundError as error:
        raise TaxonomyError(f"There is no file {path}.", hint=hint) from error
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise TaxonomyError(f"{path}, line {line}: this is not UTF-8; save the file in UTF-8.") from error
    except (OSError, ValueError) as error:
        raise file_error(TaxonomyError, path, "read", error) from error


def shipped_names() -> tuple[str, ...]:
    """Return the names of the taxonomies that come with `glan`."""
    return tuple(_SHIPPED)


def shipped_text(name: str) -> str:
    """Return the file of a shipped taxonomy, with its comments."""
    if name not in _SHIPPED:
        raise TaxonomyError(f"There is no taxonomy {shown(name)}; the shipped ones are {', '.join(shipped_names())}.")
    return (resources.files("glan.taxonomy") / _SHIPPED[name]).read_text(encoding="utf-8")


def path_of(chain: Chain) -> str:
    """Return the path from the top, such as `/Field/Sub-field`: it finds this node alone."""
    return "".join(f"/{node.name}" for node in chain)


def nearest(name: str, names: Iterable[str]) -> list[str]:
    """Return up to three names that someone may have meant."""
    by_key = {key_of(known): known for known in names}
    # A longer text cannot be near any name, and difflib would take long to find that out.
    return [by_key[key] for key in difflib.get_close_matches(key_of(name)[:300], by_key)]


def _chains(nodes: Iterable[Node], above: Chain) -> Iterator[Chain]:
    for node in nodes:
        chain = (*above, node)
        yield chain
        if isinstance(node, Branch):
            yield from _chains(node.children, chain)


def _ending(chains: Iterable[Chain], query: str, key: Callable[[Node], str]) -> list[Chain]:
    return [chain for chain in chains if _ends_in([key(node) for node in chain], query)]


def _ends_in(keys: Sequence[str], query: str) -> bool:
    """Say whether a query is the last keys of a chain, or after a slash all of them. A key may have slashes itself."""
    paths = ["/".join(keys[start:]) for start in range(len(keys))]
    return query in [_SLASH.sub("/", path) for path in [*paths, f"/{paths[0]}"]]


def _kept(nodes: Iterable[Node], kept: set[str]) -> Iterator[Node]:
    for node in nodes:
        if isinstance(node, Branch):
            children = tuple(_kept(node.children, kept))
            if children:
                yield replace(node, children=children)
        elif node.key in kept:
            yield node
