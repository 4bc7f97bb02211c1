"""An edit of a project's tree on its way to the disk: what differs, what it does to rows that stand, and a question."""

from collections.abc import Iterator
from dataclasses import dataclass

from glan.cli.screen import confirmer, say
from glan.errors import ProjectError
from glan.growth import Standing, growth
from glan.project import Project
from glan.records import Discipline
from glan.taxonomy.compare import Difference, compare, told
from glan.taxonomy.nodes import Branch
from glan.taxonomy.pieces import SOURCE
from glan.taxonomy.tree import Taxonomy, path_of


@dataclass(frozen=True, slots=True)
class Changed:
    """A tree that is not written yet."""

    project: Project
    text: str
    found: Difference
    standing: Standing | None

    @classmethod
    def of(cls, project: Project, text: str) -> "Changed":
        """Hold a new text against the tree of the project."""
        from glan.outputs import standing_of  # noqa: PLC0415 - pyarrow is loaded when it is needed

        found = compare(project.taxonomy, Taxonomy.parse(text, SOURCE))
        standing = standing_of(project)
        return cls(project, text, found, standing if standing is not None and standing.rows else None)

    @property
    def after(self) -> Taxonomy:
        return self.found.after

    @property
    def new_branches(self) -> Iterator[str]:
        """Paths of the branches that the tree had not."""
        before = {path_of(chain) for chain in self.found.before.chains()}
        return (
            path_of(chain)
            for chain in self.after.chains()
            if isinstance(chain[-1], Branch) and path_of(chain) not in before
        )

    def confirm(self, question: str, *, yes: bool, always: bool = False) -> None:
        """Ask a person where rows would leave, or always.

        Raises:
            ProjectError: nobody has confirmed it.

        """
        lost = self._rows(self.found.removed)
        rows = f" {lost:,} rows leave with the next run." if lost else ""
        if (lost or always) and not confirmer(yes=yes)(f"{question}{rows}"):
            raise ProjectError(f"{question}{rows} Nothing was changed.", hint="--yes does it.")

    def write(self) -> None:
        """Put the new tree in the place of the old one."""
        self.project.write_taxonomy(self.text)

    def say_difference(self) -> None:
        """Print what differs."""
        for line in told(self.found):
            say(line)

    def say_effect(self) -> None:
        """Say what the edit does to the rows that stand, and what a run would ask anew."""
        if self.standing is None:
            return
        config = self.project.config
        change = growth(self.standing, self.after.disciplines, config, pairs=config.pairs)
        if change.lost:
            say(f"{change.lost:,} rows leave with the next run: their disciplines are not in the tree any more.")
        others = f"other {self.standing.rows - change.lost:,}" if change.lost else f"{self.standing.rows:,}"
        say(
            f"At {config.pairs:,} pairs {change.displaced:,} of the {others} rows that stand would leave; "
            f"`glan run` without --pairs makes {max(config.pairs, change.keeps_all):,}, and all of them stay."
        )
        anew = self._rows(self.found.asks_anew)
        if anew:
            say(
                f"The requests of {anew:,} of these rows are others now: the next run stops and asks; "
                "--keep lets them stand, --reask asks for them anew."
            )
        say("`glan taxonomy diff` says what the next run will ask for, and what that costs.")

    def _rows(self, leaves: tuple[Discipline, ...]) -> int:
        return 0 if self.standing is None else self.standing.rows_of(leaves)
