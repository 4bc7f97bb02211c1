"""What a change of the tree does to the rows that stand, as several commands say it."""

from glan.cli.screen import say
from glan.project import Project


def say_growth(project: Project) -> None:
    """Say what the change does to the rows that stand."""
    from glan.growth import growth  # noqa: PLC0415 - as below
    from glan.outputs import standing_of  # noqa: PLC0415 - pyarrow is loaded when it is needed

    standing = standing_of(project)
    if standing is None or not standing.rows:
        return
    config = project.config
    change = growth(
        standing,
        project.taxonomy.disciplines,
        pairs=max(config.pairs, 1),
        seed=config.seed,
        questions_per_visit=config.plan.questions_per_visit,
    )
    if change.lost:
        say(f"{change.lost:,} rows leave with the next run: their disciplines are not in the tree any more.")
    others = f"other {standing.rows - change.lost:,}" if change.lost else f"{standing.rows:,}"
    say(
        f"At {config.pairs:,} pairs {change.displaced:,} of the {others} rows that stand would leave; "
        f"`glan run` without --pairs makes {max(config.pairs, change.keeps_all):,}, and all of them stay."
    )
