"""Problems of Astronomy: each result is put back into the law that it comes from."""

from checks_reading import Values, numbers


def check_kepler(values: Values, result: str) -> None:
    assert numbers(result)[0] ** 2 == values["a"] ** 3


def check_parallax(values: Values, result: str) -> None:
    parsecs, light_years = numbers(result)
    assert parsecs * values["p"] == 1000
    assert abs(float(light_years / parsecs) - 3.2616) < 0.03


def check_inverse_square(values: Values, result: str) -> None:
    near, far = sorted((values["a"], values["b"]))
    assert numbers(result)[0] * near * near == far * far


def check_aperture(values: Values, result: str) -> None:
    _, ratio, _, *time = numbers(result)
    assert ratio * values["a"] ** 2 == values["b"] ** 2
    assert not time or time[0] * ratio == values["t"]
