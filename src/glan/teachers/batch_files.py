"""Requests as files for an offline runner such as `vllm run-batch`, and its output back into the ledger.

A file that was written waits like a batch at a provider: its requests are not asked again until its output is read, or
until somebody gives it up.
"""

import shutil
from collections.abc import Sequence
from pathlib import Path

from msgspec.structs import replace

from glan.errors import GlanError, ProjectError, RequestError
from glan.records import Reply
from glan.teachers.batch_lines import Output, read_line
from glan.teachers.batch_reading import Read, Reading
from glan.teachers.deferring import Known
from glan.teachers.kinds import Trouble
from glan.teachers.ledger import Ledger
from glan.teachers.ledgered import Tally
from glan.teachers.outbox import Outbox, Parcel, State, Waiting
from glan.teachers.spool import Spool

RUNNER = "offline runner"
"""The name of the endpoint of such replies."""


def write(spool: Spool, out: Path, outbox: Outbox) -> list[Parcel]:
    """Hand the files of a spool to a person: into a folder, or as one file.

    Raises:
        ProjectError: the place is taken, or the requests need more than the one file that was named.

    """
    sealed = [found for group in spool.groups.values() for found in spool.seal(group)]
    is_file = out.suffix == ".jsonl"
    if is_file and len(sealed) > 1:
        models = ", ".join(dict.fromkeys(parcel.model for parcel, _ in sealed))
        raise ProjectError(
            f"The requests need {len(sealed)} files, one or more for each model ({models}).", hint="Name a folder."
        )
    places = [out if is_file else out / path.name for _, path in sealed]
    for place in places:
        if place.exists():
            raise ProjectError(f"{place} exists already.", hint="Give another name.")
    parcels = []
    for (parcel, path), place in zip(sealed, places, strict=True):
        place.parent.mkdir(parents=True, exist_ok=True)
        server = str(place.resolve())
        parcels.append(outbox.note(parcel, state=State.WRITTEN.value, server=server, host=RUNNER))
        shutil.move(path, place)  # only now: a file that anybody can run leads back to its requests
    for group in spool.groups.values():
        group.sealed = []
    return parcels


class _Runner:
    """Reads what an offline runner wrote."""

    def read(self, raw: bytes) -> Output | None:
        line = read_line(raw)
        if line is None or not isinstance(line.found, Reply):
            return line
        return Output(custom_id=line.custom_id, found=replace(line.found, endpoint=RUNNER))

    def error_of(self, trouble: Trouble, model: str) -> GlanError:
        del model
        return RequestError(f"The server refused the request: {trouble.reason}.")


async def read(paths: Sequence[Path], ledger: Ledger) -> tuple[Read, list[Parcel]]:
    """Commit what an offline runner wrote, and return what it was, and the files that still wait for replies.

    Raises:
        ProjectError: no file was written whose output this could be.

    """
    outbox = Outbox(ledger)
    parcels = outbox.written()
    if not parcels:
        raise ProjectError(
            "No file was written for an offline runner that waits for its output.",
            hint="`glan batch write` makes one; what was read once is in the ledger.",
        )

    def find(custom_id: str) -> tuple[Parcel, Waiting] | None:
        for parcel in parcels:
            waiting = outbox.find(parcel, custom_id)
            if waiting is not None:
                return parcel, waiting
        return None

    reading = Reading(ledger, _Runner(), tally=Tally(), known=Known())
    for path in paths:
        await reading.read(path, find)
    for parcel in parcels:
        outbox.done_with(parcel, [custom_id for whose, custom_id in reading.ended if whose.number == parcel.number])
        if not outbox.n_waiting(parcel):
            outbox.close(parcel, State.READ)
    return reading.found, outbox.written()
