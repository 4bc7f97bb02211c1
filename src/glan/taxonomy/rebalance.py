"""New weights from scores: what a model is weak in gets more.

The weight of a discipline is multiplied by c x m / s, held between `least` and `most`: s is its score, m the mean score
weighted as the disciplines are, and c the one number with which the weights of all that have a score add up to what
they did. So a score of half the mean gives about twice the slots, whatever the scale, and what has no score keeps its
part. Weights are rounded to three digits, so the sum is kept within half a percent.
"""

import math
import operator
from collections.abc import Mapping, Sequence

from glan.errors import TaxonomyError
from glan.records import Record
from glan.taxonomy.nodes import Branch, Node
from glan.taxonomy.syntax import shown
from glan.taxonomy.tree import Taxonomy, path_of

LEAST, MOST = 0.5, 2.0
"""A weight is multiplied by no less and no more, unless the user says otherwise."""
_STEPS = 100
_LEAST_SCORE = 1e-6
"""Of the mean: a score of 0 counts as so much, since nothing is divided by 0."""


class Rebalanced(Record, frozen=True, kw_only=True):
    """What weights rest on: scores by the keys of disciplines, and the weights that came of them, by path."""

    scores: Mapping[str, float]
    weights: Mapping[str, str]

    def stands_in(self, tree: Taxonomy, scores: Mapping[str, float]) -> bool:
        """Say whether the weights of a tree rest on these scores already: multiplied once more they would be others."""
        return self.scores == scores and self.weights == weights_of(tree, scores)


def weights_of(tree: Taxonomy, scores: Mapping[str, float]) -> dict[str, str]:
    """Return by path the weights of the disciplines that have a score."""
    return {path_of(chain): _rounded(_own(chain)) for chain in _scored_chains(tree, scores)}


def parse_scores(found: Mapping[str, str], source: str) -> Mapping[str, float]:
    """Return scores as numbers.

    Raises:
        TaxonomyError: one is no number, or less than 0; or all are 0.

    """
    scores: dict[str, float] = {}
    for node, text in found.items():
        try:
            score = float(text.removesuffix("%"))
        except ValueError:
            score = math.nan
        if not math.isfinite(score) or score < 0:
            raise TaxonomyError(f"{source}: the score {shown(text)} of {shown(node)} is not a number from 0 up.")
        scores[node] = score
    if not any(scores.values()):
        raise TaxonomyError(f"{source}: every score is 0, so none is weaker than another.")
    return scores


def scored(tree: Taxonomy, scores: Mapping[str, float]) -> Mapping[str, float]:
    """Return the score of each discipline by its key; that of a branch is the score of all below it.

    Raises:
        TaxonomyError: there is no such node, or a discipline has two scores.

    """
    find = tree.finder()
    found: dict[str, float] = {}
    for name, score in scores.items():
        for leaf in tree.leaves_under(find(name)[-1]):
            if leaf.key in found:
                raise TaxonomyError(
                    f"{shown(leaf.name)} has two scores, of which one is its own or that of a branch above it.",
                    hint="Leave one of them out.",
                )
            found[leaf.key] = score
    return found


def proposed(
    tree: Taxonomy, scores: Mapping[str, float], *, least: float = LEAST, most: float = MOST
) -> dict[str, str]:
    """Return by path the weights of disciplines as a file gives them; those that would stay are not among them.

    `scores` are by key.
    """
    leaves = _scored_chains(tree, scores)
    weights = [float(chain[-1].weight) for chain in leaves]
    factors = _factors(weights, [scores[chain[-1].key] for chain in leaves], least=least, most=most)
    found: dict[str, str] = {}
    for chain, factor in zip(leaves, factors, strict=True):
        weight = _rounded(_own(chain) * factor)
        if weight != _rounded(_own(chain)):
            found[path_of(chain)] = weight
    return found


def _scored_chains(tree: Taxonomy, scores: Mapping[str, float]) -> list[tuple[Node, ...]]:
    return [chain for chain in tree.chains() if chain[-1].key in scores and not isinstance(chain[-1], Branch)]


def _own(chain: Sequence[Node]) -> float:
    """Return the weight that stands at a node, which multiplies those above it."""
    return float(chain[-1].weight / (chain[-2].weight if len(chain) > 1 else 1))


def _factors(weights: Sequence[float], scores: Sequence[float], *, least: float, most: float) -> list[float]:
    whole = math.fsum(weights)
    mean = math.fsum(map(operator.mul, weights, scores)) / whole
    wanted = [mean / max(score, mean * _LEAST_SCORE) for score in scores]

    def held(c: float) -> list[float]:
        return [min(max(c * factor, least), most) for factor in wanted]

    low, high = 0.0, max(most / factor for factor in wanted)
    for _ in range(_STEPS):
        middle = (low + high) / 2
        is_less = math.fsum(map(operator.mul, weights, held(middle))) < whole
        low, high = (middle, high) if is_less else (low, middle)
    return held(high)


def _rounded(weight: float) -> str:
    """Return a weight with three digits, as a file has it."""
    return f"{float(f'{weight:.3g}'):.12f}".rstrip("0").rstrip(".")
