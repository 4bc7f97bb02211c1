"""What every test stands on: no network beyond this machine, and none of the user's environment."""

import socket

import pytest
from hypothesis import HealthCheck, settings

# The same examples each time, so that a failure comes from a change; `make fuzz` has new ones. A busy machine is slow,
# which is no failure.
_PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("same", _PATIENT, derandomize=True)
settings.register_profile("fuzz", _PATIENT, derandomize=False, print_blob=True)
settings.load_profile("same")

_VARIABLES = ("OPENAI_API_KEY", "OPENAI_BASE_URL", "HF_TOKEN", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


@pytest.fixture(autouse=True)
def _only_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse every connection that leaves this machine, and hide keys and proxies."""
    for name in _VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: object) -> None:
        if isinstance(address, tuple) and address[0] not in {"127.0.0.1", "::1", "localhost"}:
            pytest.fail(f"A test tried to reach {address!r}.")
        connect(self, address)  # type: ignore[arg-type]  # any address that a socket takes

    monkeypatch.setattr(socket.socket, "connect", guarded)
