"""The table of all problems."""

from collections.abc import Mapping

from glan.teachers.offline.acoustics import ACOUSTICS
from glan.teachers.offline.actuary import ACTUARY
from glan.teachers.offline.algebra import ALGEBRA
from glan.teachers.offline.chance import CHANCE
from glan.teachers.offline.chemistry import CHEMISTRY
from glan.teachers.offline.computing import COMPUTING
from glan.teachers.offline.counting import COUNTING
from glan.teachers.offline.experiments import EXPERIMENTS
from glan.teachers.offline.figures import FIGURES
from glan.teachers.offline.finance import FINANCE
from glan.teachers.offline.geometry import GEOMETRY
from glan.teachers.offline.mechanics import MECHANICS
from glan.teachers.offline.ponds import PONDS
from glan.teachers.offline.problems import Problem
from glan.teachers.offline.sky import SKY
from glan.teachers.offline.stocks import STOCKS
from glan.teachers.offline.tones import TONES
from glan.teachers.offline.underwriting import UNDERWRITING

PROBLEMS: Mapping[str, Problem] = {
    **ALGEBRA,
    **GEOMETRY,
    **COUNTING,
    **CHANCE,
    **SKY,
    **ACOUSTICS,
    **TONES,
    **FIGURES,
    **EXPERIMENTS,
    **MECHANICS,
    **COMPUTING,
    **FINANCE,
    **UNDERWRITING,
    **ACTUARY,
    **STOCKS,
    **CHEMISTRY,
    **PONDS,
}
