"""The loss curve, as a table and as a picture. Pure text: an SVG of lines and numbers, without a library to draw."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

WIDTH: Final = 720
HEIGHT: Final = 360
_LEFT, _RIGHT, _TOP, _BOTTOM = 60, 16, 16, 44
_MOST_POINTS: Final = 1_000
"""Of the curve in the picture; of more, each is the mean of several."""
_TICKS: Final = 5
_FONT: Final = 'font-family="sans-serif" font-size="12"'
_COLOURS: Final = {"loss": "#2563eb", "held_out_loss": "#c2410c"}
_NAMES: Final = {"loss": "training pairs", "held_out_loss": "held-out pairs"}
HEAD: Final = ("step", "epoch", "loss", "learning_rate", "grad_norm", "held_out_loss")


class Point(NamedTuple):
    """What was known after a step; what was not measured there is None."""

    step: int
    epoch: float
    loss: float | None = None
    """Mean over the response tokens of the steps since the last point."""
    learning_rate: float | None = None
    grad_norm: float | None = None
    held_out_loss: float | None = None
    """Mean over the held-out pairs of the mean over the response tokens of each."""


def points_of(history: Iterable[Mapping[str, Any]]) -> list[Point]:
    """Return the points of what a trainer has logged, one for each step."""
    found: dict[int, Point] = {}
    for each in history:
        step = int(each.get("step", 0))
        point = found.get(step, Point(step, float(each.get("epoch") or 0.0)))
        if "loss" in each:
            rate, norm = each.get("learning_rate"), each.get("grad_norm")
            point = point._replace(loss=float(each["loss"]), learning_rate=rate, grad_norm=norm)
        if "eval_loss" in each:
            point = point._replace(held_out_loss=float(each["eval_loss"]))
        found[step] = point
    return [found[step] for step in sorted(found) if found[step][2:] != (None,) * 4]


def table_of(points: Sequence[Point]) -> str:
    """Return the points as CSV, every number with all its digits."""
    lines = [",".join(HEAD)]
    lines += [",".join("" if cell is None else repr(cell) for cell in point) for point in points]
    return "\n".join(lines) + "\n"


def picture_of(points: Sequence[Point]) -> str:
    """Return the points as an SVG."""
    curves = {name: _curve(points, name) for name in _COLOURS}
    every = [pair for curve in curves.values() for pair in curve]
    box = _Box.around(every)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" {_FONT}>',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        *_axes(box),
        *(_line(curve, box, _COLOURS[name]) for name, curve in curves.items() if curve),
        *_legend([name for name, curve in curves.items() if curve]),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


class _Box(NamedTuple):
    """What the picture shows: steps from 0 to `steps`, losses from `low` to `high`."""

    steps: float
    low: float
    high: float

    @classmethod
    def around(cls, pairs: Sequence[tuple[float, float]]) -> "_Box":
        losses = [loss for _, loss in pairs] or [0.0, 1.0]
        room = (max(losses) - min(losses)) * 0.05 or 0.5
        return cls(max([step for step, _ in pairs], default=1) or 1, min(losses) - room, max(losses) + room)

    def x(self, step: float) -> float:
        return _LEFT + (WIDTH - _LEFT - _RIGHT) * step / self.steps

    def y(self, loss: float) -> float:
        return _TOP + (HEIGHT - _TOP - _BOTTOM) * (self.high - loss) / (self.high - self.low)


def _curve(points: Sequence[Point], name: str) -> list[tuple[float, float]]:
    found = [(float(point.step), loss) for point in points if (loss := getattr(point, name)) is not None]
    finite = [pair for pair in found if math.isfinite(pair[1])]
    at_once = math.ceil(len(finite) / _MOST_POINTS) or 1
    chunks = [finite[i : i + at_once] for i in range(0, len(finite), at_once)]
    return [(chunk[-1][0], sum(loss for _, loss in chunk) / len(chunk)) for chunk in chunks]


def _line(curve: Sequence[tuple[float, float]], box: _Box, colour: str) -> str:
    places = " ".join(f"{box.x(step):.1f},{box.y(loss):.1f}" for step, loss in curve)
    if len(curve) == 1:
        x, y = places.split(",")
        return f'<circle cx="{x}" cy="{y}" r="3" fill="{colour}"/>'
    return f'<polyline points="{places}" fill="none" stroke="{colour}" stroke-width="1.5"/>'


def _axes(box: _Box) -> Iterable[str]:
    right, bottom = WIDTH - _RIGHT, HEIGHT - _BOTTOM
    for i in range(_TICKS + 1):
        loss = box.low + (box.high - box.low) * i / _TICKS
        y = box.y(loss)
        yield f'<line x1="{_LEFT}" y1="{y:.1f}" x2="{right}" y2="{y:.1f}" stroke="#e5e7eb"/>'
        yield f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{loss:.3g}</text>'
        step = box.steps * i / _TICKS
        yield f'<text x="{box.x(step):.1f}" y="{bottom + 18}" text-anchor="middle">{step:,.0f}</text>'
    yield f'<text x="{(_LEFT + right) / 2:.0f}" y="{HEIGHT - 8}" text-anchor="middle">step</text>'


def _legend(names: Sequence[str]) -> Iterable[str]:
    for i, name in enumerate(names):
        y = _TOP + 14 + 18 * i
        yield f'<rect x="{WIDTH - 150}" y="{y - 9}" width="12" height="4" fill="{_COLOURS[name]}"/>'
        yield f'<text x="{WIDTH - 132}" y="{y - 3}">{_NAMES[name]}</text>'
