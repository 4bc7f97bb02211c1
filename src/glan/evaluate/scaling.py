"""Numbers over the pairs that students were tuned on, as a table and a picture: an SVG, without a library to draw."""

import csv
import io
import math
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from glan.evaluate.results import Number

WIDTH: Final = 760
HEIGHT: Final = 420
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 150, 16, 46
_FONT: Final = 'font-family="sans-serif" font-size="12"'
_COLOURS: Final = (
    "#2563eb", "#c2410c", "#15803d", "#9333ea", "#0891b2", "#be123c", "#a16207", "#475569", "#db2777",
)  # fmt: skip
HEAD: Final = ("benchmark", "pairs", "value", "low", "high", "items", "model")


class Point(NamedTuple):
    """One number of one student."""

    series: str
    """The benchmark."""
    pairs: int
    number: Number
    model: str


def table_of(points: Iterable[Point]) -> str:
    """Return the points as CSV, shares from 0 to 1 with all their digits."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(HEAD)
    for point in points:
        number = point.number
        shares = map(repr, (number.value, number.low, number.high))
        writer.writerow([point.series, point.pairs, *shares, number.items, point.model])
    return out.getvalue()


def picture_of(points: Sequence[Point]) -> str:
    """Return the points as an SVG: pairs on a logarithmic axis, percent, a line for each benchmark."""
    box = _Box.around(points)
    series = list(dict.fromkeys(point.series for point in points))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" {_FONT}>',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        *_axes(box, sorted({point.pairs for point in points})),
    ]
    for i, name in enumerate(series):
        colour = _COLOURS[i % len(_COLOURS)]
        found = sorted((point for point in points if point.series == name), key=lambda point: point.pairs)
        parts += [*_line(found, box, colour), *_legend(i, name, colour)]
    return "\n".join([*parts, "</svg>"]) + "\n"


class _Box(NamedTuple):
    """What the picture shows."""

    least: float
    most: float
    """Of the logarithm of the pairs."""
    top: float
    """The highest share, from 0."""

    @classmethod
    def around(cls, points: Sequence[Point]) -> "_Box":
        logs = [math.log10(point.pairs) for point in points]
        room = (max(logs) - min(logs)) * 0.06 or 0.5
        highest = max(point.number.high for point in points)
        return cls(min(logs) - room, max(logs) + room, min(1.0, math.ceil(highest * 10) / 10) or 0.1)

    def x(self, pairs: int) -> float:
        share = (math.log10(pairs) - self.least) / (self.most - self.least)
        return _LEFT + (WIDTH - _LEFT - _RIGHT) * share

    def y(self, value: float) -> float:
        return _TOP + (HEIGHT - _TOP - _BOTTOM) * (1 - value / self.top)


def _line(points: Sequence[Point], box: _Box, colour: str) -> Iterable[str]:
    places = [(box.x(point.pairs), box.y(point.number.value)) for point in points]
    if len(places) > 1:
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        yield f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.5"/>'
    for point, (x, y) in zip(points, places, strict=True):
        low, high = box.y(point.number.low), box.y(point.number.high)
        yield f'<line x1="{x:.1f}" y1="{low:.1f}" x2="{x:.1f}" y2="{high:.1f}" stroke="{colour}" stroke-opacity="0.5"/>'
        yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>'


def _axes(box: _Box, pairs: Sequence[int]) -> Iterable[str]:
    right, bottom = WIDTH - _RIGHT, HEIGHT - _BOTTOM
    ticks = round(box.top * 10)
    for i in range(ticks + 1):
        y = box.y(i / 10)
        yield f'<line x1="{_LEFT}" y1="{y:.1f}" x2="{right}" y2="{y:.1f}" stroke="#e5e7eb"/>'
        yield f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{10 * i}%</text>'
    last = -math.inf
    for each in pairs:
        if (x := box.x(each)) - last > 40:  # numbers that would stand on each other are left out
            yield f'<text x="{x:.1f}" y="{bottom + 18}" text-anchor="middle">{_short(each)}</text>'
            last = x
    yield f'<text x="{(_LEFT + right) / 2:.0f}" y="{HEIGHT - 8}" text-anchor="middle">pairs, logarithmic</text>'


def _short(pairs: int) -> str:
    for unit, size in (("M", 1_000_000), ("K", 1_000)):
        if pairs >= size:
            return f"{pairs / size:g}{unit}" if pairs % (size // 100) == 0 else f"{pairs / size:.2f}{unit}"
    return str(pairs)


def _legend(i: int, name: str, colour: str) -> Iterable[str]:
    """Yield a line and a name; the names are those of the suite."""
    y = _TOP + 14 + 20 * i
    yield f'<rect x="{WIDTH - _RIGHT + 16}" y="{y - 9}" width="14" height="4" fill="{colour}"/>'
    yield f'<text x="{WIDTH - _RIGHT + 38}" y="{y - 3}">{name}</text>'
