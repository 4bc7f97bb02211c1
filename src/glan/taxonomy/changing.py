"""Other settings of a node that stands in a file: where they are written, and how."""

from collections.abc import Iterator, Mapping

from glan.errors import TaxonomyError
from glan.taxonomy import parts
from glan.taxonomy.lines import Edit, column_of, line_end, line_start, newline_of
from glan.taxonomy.parts import Part, Scalar
from glan.taxonomy.writing import New, flow, scalar


def change_edits(text: str, item: Part, settings: Mapping[str, str | None]) -> Iterator[Edit]:
    """Give what changes the settings of one item; None removes a setting.

    Raises:
        TaxonomyError: a setting that is to go stands where it cannot be cut out.

    """
    if isinstance(item, parts.Mapping):
        for key, value in settings.items():
            yield from _change(text, item, key, value)
    elif isinstance(item, Scalar):
        yield from _of_bare_name(text, item, settings)


def _of_bare_name(text: str, item: Scalar, settings: Mapping[str, str | None]) -> Iterator[Edit]:
    """Give a discipline that is only a name settings, in braces."""
    written = {key: value for key, value in settings.items() if value is not None}
    is_quoted = text.startswith('"', item.span.start)
    if set(written) == {"name"}:
        yield Edit(*item.span[:2], scalar("name", written["name"], quoted=is_quoted))
    elif written:
        node = New(settings={"name": " ".join(item.value.split()), **written})
        yield Edit(*item.span[:2], flow(node, quoted=is_quoted and _is_json(text)))


def _change(text: str, item: parts.Mapping, key: str, value: str | None) -> Iterator[Edit]:
    start = item.span.start
    is_flow, is_json = text.startswith("{", start), text.startswith('{"', start)
    there = item.values.get(key)
    if value is None:
        if there is not None:
            yield _cut(text, item, key, is_flow=is_flow)
        return
    is_quoted = is_json or (there is not None and text.startswith('"', there.span.start) and key != "weight")
    written = scalar(key, value, quoted=is_quoted)
    if there is not None:
        is_empty = there.span.start == there.span.end
        yield Edit(there.span.start, there.span.end, f" {written}" if is_empty else written)
        return
    after = item.values["name"].span.end
    if is_flow:
        yield Edit(after, after, f', "{key}": {written}' if is_json else f", {key}: {written}")
    else:
        end = line_end(text, after)
        yield Edit(end, end, f"{' ' * column_of(text, start)}{key}: {written}{newline_of(text)}")


def _cut(text: str, item: parts.Mapping, key: str, *, is_flow: bool) -> Edit:
    """Cut a setting: in braces with the comma before it, else with its lines."""
    start, end = item.keys[key].span.start, item.values[key].span.end
    keys = list(item.values)
    if not is_flow:
        begin = line_start(text, start)
        if text[begin:start].strip():
            raise TaxonomyError(
                f"`{key}:` stands on the line of the dash, where it cannot be cut out; nothing was changed.",
                hint="Make this edit by hand.",
            )
        return Edit(begin, line_end(text, end))
    i = keys.index(key)
    if i:
        return Edit(item.values[keys[i - 1]].span.end, end)
    return Edit(start, item.keys[keys[1]].span.start)


def _is_json(text: str) -> bool:
    return text.lstrip().startswith("{")
