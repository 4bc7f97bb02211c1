"""A script that asks through `glan.ask`, killed and started again."""

import signal
import subprocess
import sys
from pathlib import Path

from commandline import CommandLine, simulated, until

from glan.teachers.ledger import Ledger
from glan.teachers.simulate import Simulated

PROMPTS = 60
IN_FLIGHT = 4
SCRIPT = f"""
import sys, glan
asked = glan.ask_sync(
    [f"Name {{i}} rivers." for i in range({PROMPTS})],
    ledger="rivers.sqlite",
    teacher=f"any@{{sys.argv[1]}}",
    options=glan.Options(max_in_flight={IN_FLIGHT}),
)
assert asked.stopped is None and None not in asked.replies
"""


def test_a_script_that_is_killed_goes_on(tmp_path: Path) -> None:
    """Killed at once with calls in flight, it pays for no more than those again."""
    environment = CommandLine(home=tmp_path, key=None).environment()
    with simulated(Simulated(latency_ms=100)) as server:
        command = [sys.executable, "-c", SCRIPT, server.base_url]
        begun = subprocess.Popen(command, cwd=tmp_path, env=environment)
        until(lambda: server.stats().paid >= PROMPTS // 3)
        begun.send_signal(signal.SIGKILL)
        begun.wait()
        subprocess.run(command, cwd=tmp_path, env=environment, check=True, timeout=120)
        assert PROMPTS <= server.stats().paid <= PROMPTS + IN_FLIGHT
        paid = server.stats().paid
        subprocess.run(command, cwd=tmp_path, env=environment, check=True, timeout=120)
        assert server.stats().paid == paid
    with Ledger.open(tmp_path / "rivers.sqlite", readonly=True) as ledger:
        assert ledger.count() == PROMPTS
