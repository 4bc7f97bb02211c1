"""The loss curve as a table and as a picture."""

import csv
import io
import math
from xml.etree import ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from glan.train.curve import Point, picture_of, points_of, table_of

HISTORY = [
    {"step": 0, "epoch": 0, "eval_loss": 9.0},
    {"step": 1, "epoch": 0.5, "loss": 8.5, "learning_rate": 0.1, "grad_norm": 2.0},
    {"step": 2, "epoch": 1.0, "loss": 8.25, "learning_rate": 0.05, "grad_norm": 1.0},
    {"step": 2, "epoch": 1.0, "eval_loss": 8.1},
    {"step": 2, "epoch": 1.0, "train_runtime": 3.0},
]


def test_a_step_has_one_point() -> None:
    """What was logged at a step, of either kind of loss, is one point; what is no loss is none."""
    assert points_of(HISTORY) == [
        Point(0, 0.0, held_out_loss=9.0),
        Point(1, 0.5, 8.5, 0.1, 2.0),
        Point(2, 1.0, 8.25, 0.05, 1.0, 8.1),
    ]
    assert points_of([{"step": 5, "train_runtime": 1.0}]) == []


def test_the_table_keeps_every_digit() -> None:
    """What is read back is what was logged."""
    rows = list(csv.DictReader(io.StringIO(table_of([Point(1, 0.1, 1 / 3, 3e-6, None, None)]))))
    assert [float(rows[0][name]) for name in ("loss", "learning_rate")] == [1 / 3, 3e-6]
    assert rows[0]["held_out_loss"] == ""


_losses = st.floats(-1e6, 1e6) | st.just(math.nan) | st.just(math.inf) | st.none()


@given(st.lists(st.tuples(_losses, _losses), max_size=30))
def test_any_curve_is_a_picture(found: list[tuple[float | None, float | None]]) -> None:
    """Whatever the losses are, and however few, the picture is well-formed and every number in it is finite."""
    points = [Point(i + 1, 0.0, loss, held_out_loss=held) for i, (loss, held) in enumerate(found)]
    text = picture_of(points)
    ET.fromstring(text)  # noqa: S314 - our own text
    assert "nan" not in text
    assert "inf" not in text


def test_a_long_curve_is_thinned() -> None:
    """A million steps do not make a picture of a million points."""
    text = picture_of([Point(i, 0.0, 1 / (i + 1)) for i in range(100_000)])
    assert len(text) < 30_000
