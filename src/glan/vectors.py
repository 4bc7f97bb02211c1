"""Vectors of meaning in few bytes, and how near two of them are.

    {"dimensions": 1536, "int8": "f/8Dm..."}      or, where none came,      {"error": "...", "raw": "[0, 0, 0]"}

A vector is scaled so that its greatest component is 127, and rounded: a byte for each dimension, a quarter of what
single floats take. That moves a cosine by 0.002 at most with the models that were measured. What is computed from such
whole numbers is exact, so it is the same on every machine and in whatever groups vectors are compared.
"""

import base64
import binascii
import math
from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.int8]

NO_VECTOR = "no vector"
"""Reason of a reject: statistics count it."""
MOST_DIMENSIONS = 16_384
"""More than any model has; 4,000 + sqrt(16,384) / 2 is still below 2^12."""
_GREATEST = 127
_LONGEST = 4_000
"""The product of two vectors of this length is below 2^24, so single floats hold it and every part of it exactly."""


class VectorError(ValueError):
    """No vector, or none that has a direction; the message says what is wrong with it."""


class _Packed(msgspec.Struct, frozen=True, omit_defaults=True):
    dimensions: int = 0
    int8: str = ""
    error: str = ""
    raw: str = ""


_PACKED = msgspec.json.Decoder(_Packed)


def rounded(components: Sequence[object]) -> Vector:
    """Return a vector in one byte for each dimension.

    Raises:
        VectorError: a component is no finite number, there are too few or too many, or all of them are 0.

    """
    if not 1 <= len(components) <= MOST_DIMENSIONS:
        raise VectorError(f"a vector of {len(components):,} dimensions; there are 1 to {MOST_DIMENSIONS:,}")
    if not all(isinstance(found, int | float) and not isinstance(found, bool) for found in components):
        raise VectorError("a vector with components that are no numbers")
    try:
        exact = np.array(components, dtype=np.float64)
    except OverflowError as error:
        raise VectorError("a vector with components that are not finite") from error
    greatest = float(np.abs(exact).max())
    if not math.isfinite(greatest):
        raise VectorError("a vector with components that are not finite")
    if greatest == 0:
        raise VectorError("a vector of zeros, which has no direction")
    exact /= greatest
    scale = min(_GREATEST, _LONGEST / float(np.linalg.norm(exact)))
    return np.rint(exact * scale).astype(np.int8)


def pack(vector: Vector) -> str:
    """Return a vector as a text."""
    packed = _Packed(dimensions=vector.size, int8=base64.b64encode(vector.tobytes()).decode())
    return msgspec.json.encode(packed).decode()


def pack_unusable(error: str, raw: str) -> str:
    """Return a text that says why there is no vector, with the beginning of what came instead."""
    return msgspec.json.encode(_Packed(error=error, raw=raw)).decode()


def unpack(text: str) -> Vector:
    """Return the vector in a text.

    Raises:
        VectorError: there is none.

    """
    try:
        packed = _PACKED.decode(text)
        found = np.frombuffer(base64.b64decode(packed.int8.encode("ascii"), validate=True), dtype=np.int8)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError, binascii.Error) as error:
        raise VectorError("no vector") from error
    if packed.error:
        raise VectorError(packed.error)
    if not 1 <= found.size == packed.dimensions <= MOST_DIMENSIONS or not found.any():
        raise VectorError("no vector with a direction")
    return found


def unit(vector: Vector) -> list[float]:
    """Return a vector of length 1 with the same direction."""
    exact = vector.astype(np.float64)
    components: list[float] = (exact / np.linalg.norm(exact)).tolist()
    return components


def square(vector: Vector) -> int:
    """Return the square of a vector's length."""
    exact = vector.astype(np.float32)
    return int(exact @ exact)


def cosines(vector: Vector, others: NDArray[np.int8], squares: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the cosine of a vector with each row of others, of whose lengths the squares are known."""
    products = (others.astype(np.float32) @ vector.astype(np.float32)).astype(np.float64)
    found: NDArray[np.float64] = products / np.sqrt((squares * square(vector)).astype(np.float64))
    return found
