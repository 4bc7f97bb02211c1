"""Why programs of a model are not run on a machine, and what a person can do about it."""

import errno
import os
from collections.abc import Sequence

from glan.errors import SandboxError
from glan.evaluate.jail.calls import MACHINES

CONTAINER = "--security-opt seccomp=unconfined --security-opt apparmor=unconfined --security-opt systempaths=unconfined"
"""What lets a container make namespaces of its own."""
_WEAK = "In a container that is thrown away, `--sandbox weak` needs none of it; docs/sandbox.md says what it gives up."
_USERS = (
    f"In a container: start it with `{CONTAINER}`. "
    "On a machine of your own, as root: `sysctl -w user.max_user_namespaces=15000`; "
    "on Debian `sysctl -w kernel.unprivileged_userns_clone=1`; "
    "on Ubuntu `sysctl -w kernel.apparmor_restrict_unprivileged_userns=0`. "
    "A root without its usual rights: run it as an ordinary user."
)
_MOUNTS = (
    f"In a container: start it with `{CONTAINER}`. "
    "On Ubuntu, as root: `sysctl -w kernel.apparmor_restrict_unprivileged_userns=0`."
)
_PYTHON = "Give it a Python that every user may read, such as the system's."
_HINTS: Sequence[tuple[tuple[str, ...], str]] = (
    (("unshare", "mapping", "a user"), _USERS),
    (("mount", "umount", "pivot_root"), _MOUNTS),
    (("/",), _PYTHON),
)


def unfit(system: str, machine: str) -> SandboxError | None:
    """Return why nothing is run on a kind of machine, or None where the sandbox knows it."""
    if system != "linux":
        return SandboxError(
            f"Programs of a model are run on Linux only, and this is {system}: nothing else holds them.",
            hint=f"Use a container with Linux, started with `{CONTAINER}`.",
        )
    if machine not in MACHINES:
        known = " and ".join(MACHINES)
        return SandboxError(
            f"The filter of the sandbox knows the calls to the kernel of {known}, and this machine is {machine}.",
            hint="Run the programs on one of these.",
        )
    return None


def refusal(tried: str, number: int) -> SandboxError:
    """Return why the sandbox could not be made: what was tried, and the number of the kernel's error."""
    why = "the kernel has been told to allow none" if number == errno.ENOSPC else os.strerror(number)
    hint = next((hint for starts, hint in _HINTS if tried.startswith(starts)), "")
    return SandboxError(
        f"The sandbox cannot be made on this machine, so no program of a model is run: {tried}: {why}.",
        hint=" ".join(part for part in (hint, _WEAK) if part),
    )
