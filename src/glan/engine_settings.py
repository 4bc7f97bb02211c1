"""The section of `glan.toml` on workers elsewhere that ask for this run; `settings.py` has the others."""

from typing import Annotated, Literal

from msgspec import Meta

from glan.settings import Settings


class Ray(Settings, frozen=True):
    workers_per_node: Annotated[
        int, Meta(ge=1, le=64, description="Processes that ask servers, on each machine of the cluster that has a CPU.")
    ] = 1
    max_in_flight: Annotated[
        int, Meta(ge=1, le=100_000, description="Most requests that one of them has in flight; more wait in the run.")
    ] = 1_024
    keys: Annotated[
        Literal["sent", "workers"],
        Meta(
            description='"sent": workers get the keys of their servers from the run, to other machines only where Ray '
            'encrypts what it sends; "workers": each has them in its own environment, under the same names.'
        ),
    ] = "sent"
