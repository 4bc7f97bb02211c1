"""Items of the lists in a taxonomy's YAML text: put in, taken out, and carried from one list to another."""

import re
from collections.abc import Iterable, Iterator
from collections.abc import Sequence as Some

from glan.errors import TaxonomyError
from glan.taxonomy.lines import (
    Edit,
    column_of,
    dash_line,
    indented,
    line_end,
    newline_of,
    own_lines,
    with_blank_lines,
)
from glan.taxonomy.own import Address, Own
from glan.taxonomy.parts import Mapping, Part, Sequence
from glan.taxonomy.writing import New, block_lines, flow, flow_of

SOURCE = "taxonomy.yaml"
"""What the text is called in errors."""


_BEHIND = re.compile(r"(?:[ \t]*,)?(?:[ \t]+(#[^\r\n]*))?")
"""A comma and a comment behind an item in brackets."""


def unsafe() -> TaxonomyError:
    return TaxonomyError(
        f"{SOURCE} is written in a way that cannot be edited here without harm, so nothing was changed.",
        hint="Make this edit by hand.",
    )


def below(items: Sequence, index: int) -> Sequence:
    """Return the children of an item that was read as a branch."""
    item = items.items[index]
    children = item.values["children"] if isinstance(item, Mapping) else None
    if not isinstance(children, Sequence):
        raise TypeError(f"Item {index} is no branch.")
    return children


def insertion(text: str, siblings: Sequence, nodes: Some[New]) -> Edit:
    """Put new items after the last one of a list."""
    if siblings.is_flow:
        return _in_brackets(siblings, [flow(node, quoted=_is_json(text, siblings)) for node in nodes])
    column = column_of(text, siblings.span.start)
    newline = newline_of(text)
    lines = [f"{' ' * column}{line}{newline}" for node in nodes for line in block_lines(node)]
    return _in_lines(text, siblings, "".join(lines))


def _in_brackets(siblings: Sequence, items: Some[str]) -> Edit:
    end = siblings.items[-1].span.end
    return Edit(end, end, "".join(f", {item}" for item in items))


def _in_lines(text: str, siblings: Sequence, lines: str) -> Edit:
    end = line_end(text, siblings.items[-1].span.end)
    return Edit(end, end, lines)


def _is_json(text: str, siblings: Sequence) -> bool:
    return text.startswith(('"', '{"'), siblings.items[-1].span.start)


def carried_over(text: str, siblings: Sequence, index: int, target: Sequence) -> Edit:
    """Put an item that is there after the last one of another list, with its comments."""
    item = siblings.items[index]
    if not target.is_flow:
        column, old = column_of(text, target.span.start), column_of(text, siblings.span.start)
        if siblings.is_flow:
            comment = f"  {found}" if (found := _comment(text, item.span.end)) else ""
            line = f"{' ' * column}- {_as_flow(text, item, quoted=False)}{comment}{newline_of(text)}"
            return _in_lines(text, target, line)
        start, end = item_lines(text, siblings, item)
        lines = text[start:end] if text[start:end].endswith("\n") else text[start:end] + newline_of(text)
        return _in_lines(text, target, indented(lines, column - old))
    own = _comment(text, item.span.end) if siblings.is_flow else text[slice(*item_lines(text, siblings, item))]
    if "#" in own:
        raise TaxonomyError(
            "The node has comments, and where it would stand is a list in brackets, which has no room for them.",
            hint=f"Move it in {SOURCE} by hand, or remove the comments first.",
        )
    return _in_brackets(target, [_as_flow(text, item, quoted=_is_json(text, target))])


def _as_flow(text: str, item: Part, *, quoted: bool) -> str:
    """Return an item for a place in one line: as it is written where that can be, else written anew."""
    written = text[item.span.start : item.span.end]
    is_braced = isinstance(item, Mapping) and written.startswith("{")
    return written if is_braced and "\n" not in written and not quoted else flow_of(item, quoted=quoted)


def around(cuts: Iterable[Edit], put: Edit) -> list[Edit]:
    """Return what is put in, moved to the beginning of a cut if its place is in that: what is around it leaves."""
    for cut in cuts:
        if cut.start <= put.start <= cut.end:
            return [Edit(cut.start, cut.start, put.text)]
    return [put]


def cuts(text: str, items: Sequence, nodes: tuple[Own, ...], kept: tuple[Own, ...], stays: Address) -> Iterator[Edit]:
    """Cut the items that are not kept; branches that stay are looked into."""
    by_name = {node.name: node for node in kept}
    held = stays[0] if stays else None
    are_kept = [node.name in by_name or i == held for i, node in enumerate(nodes)]
    if not any(are_kept) and items.is_flow:
        raise unsafe()
    yield from cuts_in(text, items, are_kept)
    for i, node in enumerate(nodes):
        if are_kept[i] and node.children is not None:
            left = by_name[node.name].children or () if node.name in by_name else ()
            if left != node.children:
                yield from cuts(text, below(items, i), node.children, left, stays[1:] if i == held else ())


def cuts_in(text: str, items: Sequence, stays: list[bool]) -> Iterator[Edit]:
    """Give what is to be cut out of a list, so that only some of its items stay: one of them at least."""
    return _flow_cuts(text, items, stays) if items.is_flow else _block_cuts(text, items, stays)


def _flow_cuts(text: str, items: Sequence, stays: list[bool]) -> Iterator[Edit]:
    """Cut an item with the comma before it; before the first that stays, with the comma after it.

    A comment at the end of an item's line goes with it, and one behind the comma before it stays with its neighbour.
    """
    first = stays.index(True)
    spans = [item.span for item in items.items]
    for i, span in enumerate(spans):
        if stays[i]:
            continue
        after = spans[i + 1].start if i + 1 < len(spans) else _past_comment(text, span.end)
        if i < first or _comment(text, span.end) or (stays[i - 1] and "#" in text[spans[i - 1].end : span.start]):
            yield Edit(span.start, after)
        else:
            yield Edit(spans[i - 1].end, span.end)


def _comment(text: str, index: int) -> str:
    """Return the comment at the end of the line of an item in brackets, which ends here."""
    found = _BEHIND.match(text, index)
    return found[1] or "" if found else ""


def _past_comment(text: str, index: int) -> int:
    """Return where the comma and the comment end that may stand behind the last item in brackets."""
    found = _BEHIND.match(text, index)
    return found.end() if found else index


def _block_cuts(text: str, items: Sequence, stays: list[bool]) -> Iterator[Edit]:
    """Cut whole lines: the item, the comments directly above it, and those below that are indented further."""
    for i, item in enumerate(items.items):
        if not stays[i]:
            yield Edit(*with_blank_lines(text, *item_lines(text, items, item)))


def item_lines(text: str, items: Sequence, item: Part) -> tuple[int, int]:
    """Return the lines of an item, with its own comments."""
    column = column_of(text, items.span.start)
    start = dash_line(text, item.span.start, column)
    if start is None:
        raise unsafe()
    return own_lines(text, start, line_end(text, item.span.end), column)
