"""Vectors in few bytes: nearly as they were, the same however they are compared, and never what is none."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from glan.vectors import MOST_DIMENSIONS, VectorError, cosines, pack, pack_unusable, rounded, square, unit, unpack

COMPONENTS = st.lists(st.floats(-1e30, 1e30), min_size=1, max_size=40).filter(any)


@given(COMPONENTS)
def test_a_vector_comes_back_as_it_was_packed(components: list[float]) -> None:
    """The text of a vector is a vector of as many dimensions, and the same one in any writing of it."""
    vector = rounded(components)
    assert vector.size == len(components)
    assert (unpack(pack(vector)) == vector).all()
    assert math.isclose(float(np.linalg.norm(unit(vector))), 1.0)


@pytest.mark.parametrize("dimensions", [3, 256, 384, 1_536, MOST_DIMENSIONS])
def test_rounding_hardly_moves_a_cosine(dimensions: int) -> None:
    """The cosine of rounded vectors is that of the exact ones to 0.005, and of equal ones it is 1."""
    rng = np.random.default_rng(dimensions)
    one = rng.standard_normal((50, dimensions))
    other = one + rng.standard_normal((50, dimensions)) * rng.uniform(0, 2, (50, 1))
    exact = (one * other).sum(1) / np.linalg.norm(one, axis=1) / np.linalg.norm(other, axis=1)
    for i in range(50):
        left, right = rounded(one[i].tolist()), rounded(other[i].tolist())
        (found,) = cosines(left, right[None], np.array([square(right)]))
        assert abs(found - exact[i]) < 0.005
        assert cosines(left, left[None], np.array([square(left)])) == [1.0]


@given(arrays(np.int8, (7, 33), elements=st.integers(-127, 127)), arrays(np.int8, 33, elements=st.integers(1, 127)))
def test_a_cosine_is_the_same_in_any_company(others: np.ndarray, vector: np.ndarray) -> None:
    """Compared with many at once or with each alone, the cosine is the same to the last bit."""
    others[:, 0] = 1
    squares = np.array([square(other) for other in others])
    together = cosines(vector, others, squares)
    alone = [cosines(vector, others[i : i + 1], squares[i : i + 1])[0] for i in range(len(others))]
    assert together.tolist() == alone
    assert alone[0] == int(vector.astype(int) @ others[0].astype(int)) / math.sqrt(square(vector) * squares[0])


@pytest.mark.parametrize(
    ("components", "told"),
    [
        ([], "0 dimensions"),
        ([0.0, -0.0], "zeros"),
        ([1.0, math.nan], "not finite"),
        ([1.0, math.inf], "not finite"),
        ([1, 10**400], "not finite"),
        ([1.0, None], "no numbers"),
        ([1.0, True], "no numbers"),
        (["0.1"], "no numbers"),
        ([[1.0]], "no numbers"),
        ([1.0] * (MOST_DIMENSIONS + 1), "dimensions"),
    ],
)
def test_what_has_no_direction_is_refused(components: list[object], told: str) -> None:
    """Nothing, zeros, what is not finite and what is no number make no vector, and the error says which it is."""
    with pytest.raises(VectorError, match=told):
        rounded(components)


@pytest.mark.parametrize(
    "text",
    ["", "null", "[1, 2]", "{}", '{"dimensions": 2, "int8": "AA=="}', '{"dimensions": 1, "int8": "AA=="}',
     '{"int8": 3}', '{"dimensions": 1, "int8": "é"}', '{"dimensions": 1, "int8": "!"}', "[" * 10_000, "\ud800"],
)  # fmt: skip
def test_a_text_without_a_vector_is_refused(text: str) -> None:
    """Whatever stands in a ledger, a text that is no vector with a direction is an error and never another vector."""
    with pytest.raises(VectorError):
        unpack(text)


def test_why_there_is_no_vector_is_told() -> None:
    """A text that stands for an unusable vector says why, and shows the beginning of what came."""
    text = pack_unusable("a vector of zeros", "[0.0, 0.0]")
    assert json.loads(text)["raw"] == "[0.0, 0.0]"
    with pytest.raises(VectorError, match="a vector of zeros"):
        unpack(text)
