"""Where a teacher is asked without a run: in a project, or with a ledger of its own."""

from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from glan.config import Config
from glan.environment import Environment
from glan.project import Project
from glan.prompts import Prompts

C = TypeVar("C", bound=Config)
C_co = TypeVar("C_co", bound=Config, covariant=True)


@dataclass(frozen=True, kw_only=True)
class Site(Generic[C_co]):
    """Settings, prompts, keys and a ledger."""

    config: C_co
    prompts: Prompts
    environment: Environment
    ledger_path: Path
    log_path: Path | None = None


def site_in(project: Project, config: C) -> Site[C]:
    """Return the site with prompts, keys and ledger of a project; the settings are for what is asked."""
    return Site(
        config=config,
        prompts=project.prompts,
        environment=project.environment,
        ledger_path=project.ledger_path,
        log_path=project.log_path,
    )


def site_alone(ledger_path: Path, config: C) -> Site[C]:
    """Return a site with the shipped prompts, and a ledger that no project has."""
    return Site(config=config, prompts=Prompts.shipped(), environment=Environment(), ledger_path=ledger_path)
