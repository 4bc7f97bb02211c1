"""The tables of all problems."""

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

FAMILIES: Mapping[str, Mapping[str, Problem]] = {
    "mathematics": {**ALGEBRA, **GEOMETRY, **COUNTING},
    "statistics": {**CHANCE, **FIGURES, **EXPERIMENTS},
    "physics": {**SKY, **ACOUSTICS, **MECHANICS},
    "chemistry": {**CHEMISTRY, **PONDS},
    "finance": {**FINANCE, **UNDERWRITING, **ACTUARY},
    "computer science": {**COMPUTING},
    "music theory": {**TONES},
    "fisheries": {**STOCKS},
}
"""What the problems are about; a discipline of the book may have problems of several families."""

PROBLEMS: Mapping[str, Problem] = {name: problem for family in FAMILIES.values() for name, problem in family.items()}
