"""How many of the proposals of a built tree named a node: `votes: 5/6` in a taxonomy file."""

import re

from glan.errors import TaxonomyError
from glan.taxonomy.syntax import shown
from glan.wording import counted

_SUPPORT = re.compile(r"([0-9]{1,6}) ?/ ?([0-9]{1,6})", re.ASCII)


def support(votes: int, proposals: int) -> str:
    """Return it as it is written."""
    return f"{votes}/{proposals}"


def told_support(text: str | None) -> str:
    """Return what a node has as people read it, `5 of 6 proposals`; nothing for a node that has none."""
    if text is None:
        return ""
    votes, _, proposals = text.partition("/")
    return f"{votes} of {counted(int(proposals), 'proposal')}"


def checked_support(text: str, at: str) -> str:
    """Return what a file says, as it is written.

    Raises:
        TaxonomyError: it is no such count, or there are more votes than proposals.

    """
    found = _SUPPORT.fullmatch(text)
    votes, proposals = (int(found[1]), int(found[2])) if found is not None else (1, 0)
    if votes > proposals:
        raise TaxonomyError(
            f"{at}: {shown(text)} does not say how many proposals named the node; write the votes as 5/6, or leave "
            "them out."
        )
    return support(votes, proposals)
