"""The table of all problems."""

from collections.abc import Mapping

from glan.teachers.offline.algebra import ALGEBRA
from glan.teachers.offline.chance import CHANCE
from glan.teachers.offline.chemistry import CHEMISTRY
from glan.teachers.offline.counting import COUNTING
from glan.teachers.offline.geometry import GEOMETRY
from glan.teachers.offline.ponds import PONDS
from glan.teachers.offline.problems import Problem
from glan.teachers.offline.sky import SKY
from glan.teachers.offline.stocks import STOCKS

PROBLEMS: Mapping[str, Problem] = {**ALGEBRA, **GEOMETRY, **COUNTING, **CHANCE, **SKY, **STOCKS, **CHEMISTRY, **PONDS}
