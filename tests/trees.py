"""Files of taxonomies as people write them, and what changes from one to another."""

import difflib

from hypothesis import strategies as st

from glan.taxonomy.tree import Taxonomy

TREE = """\
# My fields.
taxonomy:
  # What nature does.
  - name: Natural science  # the first
    weight: 1.50
    notes: |
      Of one country.

    children:
      - Physics   # hard
      # Looks up.
      - {name: Astronomy, weight: 2, notes: 'for amateurs, only'}

      -
        name: "Chemistry"
        # inside

      # later: Geology
    # end of natural science

  # What people make.
  - name: Arts
    children: [Dance, 'Music', {name: Film, weight: 3}]
  - name: Life
    children:
    - Botany
    - name: Zoology
      children:
      - Birds
# The end.
"""


def changes(old: str, new: str) -> list[str]:
    """Return the removed and added lines, each after its sign."""
    found = difflib.unified_diff(old.splitlines(), new.splitlines(), n=0, lineterm="")
    return [line for line in found if not line.startswith(("---", "+++", "@@"))]


def names(text: str) -> list[str]:
    return [leaf.name for leaf in Taxonomy.parse(text, "taxonomy.yaml").disciplines]


ITEMS = [
    ["- NAME"],
    ["- 'NAME'  # of NAME"],
    ["-", "  name: NAME"],
    ["- {name: NAME, weight: 2}"],
    ["- name: NAME", "  notes: |", "    - a", "", "    # b"],
    ["- {name: NAME, children: [NAMEa, {name: NAMEb}]}"],
]


@st.composite
def files(draw: st.DrawFn, margin: str = "", above: str = "N") -> str:
    """Draw the items of a list in some of the ways that people write them; a name is its place."""
    lines = []
    for i in range(draw(st.integers(1, 3))):
        name = f"{above}{i}"
        lines += draw(st.sampled_from([[], [""], [f"{margin}# above {name}"], [f"{margin}  # deeper {name}"]]))
        if len(above) < 4 and draw(st.integers(0, 2)) == 0:
            below = draw(files(margin + draw(st.sampled_from(["  ", "    "])), name))
            lines += [f"{margin}- name: {name}", f"{margin}  children:", below.removesuffix("\n")]
        else:
            lines += [margin + line if line else "" for line in draw(st.sampled_from(ITEMS))]
            lines = [line.replace("NAME", name) for line in lines]
    return "\n".join(lines) + "\n"
