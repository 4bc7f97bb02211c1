"""The table of all problems."""

from collections.abc import Mapping

from glan.teachers.offline.actuary import ACTUARY
from glan.teachers.offline.algebra import ALGEBRA
from glan.teachers.offline.chance import CHANCE
from glan.teachers.offline.counting import COUNTING
from glan.teachers.offline.finance import FINANCE
from glan.teachers.offline.geometry import GEOMETRY
from glan.teachers.offline.problems import Problem
from glan.teachers.offline.sky import SKY
from glan.teachers.offline.underwriting import UNDERWRITING

PROBLEMS: Mapping[str, Problem] = {
    **ALGEBRA,
    **GEOMETRY,
    **COUNTING,
    **CHANCE,
    **SKY,
    **FINANCE,
    **UNDERWRITING,
    **ACTUARY,
}
