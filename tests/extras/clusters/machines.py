"""A Ray cluster of several machines on this one, each in a network of its own; side by side where none can be made."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

TOKEN = "token-0123456789abcdef0123456789abcdef"  # noqa: S105 - of a cluster that ends with the tests
BRIDGE = "10.77.0.1"
_RAY = Path(sys.executable).parent / "ray"
_STARTS_S = 300.0
_HEAD = ("--head", "--include-dashboard=false", "--disable-usage-stats")


def _ip(*words: str) -> None:
    subprocess.run(["/usr/bin/env", "ip", *words], check=True, capture_output=True)


@contextmanager
def bridged() -> Iterator[bool]:
    """Make a bridge, and say whether there is one: that takes a privileged user, and `ip`."""
    name = f"glan{os.getpid() % 10_000}"
    try:
        _ip("link", "add", name, "type", "bridge")
    except (OSError, subprocess.CalledProcessError):
        yield False
        return
    try:
        _ip("address", "add", f"{BRIDGE}/24", "dev", name)
        _ip("link", "set", name, "up")
        yield True
    finally:
        _ip("link", "delete", name)


@contextmanager
def networked(number: int) -> Iterator[str]:
    """Make a network namespace that is joined to the bridge, and give its name."""
    bridge = f"glan{os.getpid() % 10_000}"
    name, outer = f"{bridge}-{number}", f"{bridge}v{number}"
    _ip("netns", "add", name)
    try:
        _ip("link", "add", outer, "type", "veth", "peer", "name", "eth0", "netns", name)
        _ip("link", "set", outer, "master", bridge, "up")
        for words in (f"address add 10.77.0.{number}/24 dev eth0", "link set eth0 up", "link set lo up"):
            _ip("-n", name, *words.split())
        _ip("-n", name, "route", "add", "default", "via", BRIDGE)
        yield name
    finally:
        _ip("netns", "delete", name)


@dataclass(slots=True)
class Machine:
    """One machine of the cluster: all processes below `ray start`."""

    process: subprocess.Popen[bytes]
    log: Path

    def wait(self) -> None:
        """Wait until it has joined."""
        end_s = time.monotonic() + _STARTS_S
        while "Ray runtime started" not in self.log.read_text():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < end_s, self.log.read_text()
            time.sleep(0.1)

    def kill(self) -> None:
        """End all of it at once, as a power cut does."""
        with contextlib.suppress(psutil.NoSuchProcess):
            family = [*psutil.Process(self.process.pid).children(recursive=True), psutil.Process(self.process.pid)]
            for process in family:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.send_signal(signal.SIGKILL)
        self.process.wait()


@dataclass(slots=True)
class Machines:
    """The machines of one cluster, of which the first is the head."""

    folder: Path
    is_bridged: bool
    stack: ExitStack
    machines: list[Machine] = field(default_factory=list)

    @property
    def host(self) -> str:
        """The address of this machine as the others see it."""
        return BRIDGE if self.is_bridged else "127.0.0.1"

    @property
    def address(self) -> str:
        """The address of the head."""
        return f"{self.host}:{_PORT}"

    @property
    def variables(self) -> Mapping[str, str]:
        """What whoever joins has in the environment."""
        return {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": TOKEN}

    def start(self, *, cpus: int = 1, **variables: str) -> Machine:
        """Begin to start a machine."""
        number = len(self.machines) + 1
        within: list[str] = []
        given = ["--num-cpus", str(cpus), "--block"]
        if self.is_bridged:
            given += ["--node-ip-address", f"10.77.0.{number}"]
            if number > 1:
                within = ["ip", "netns", "exec", self.stack.enter_context(networked(number))]
        if number > 1:
            given += ["--address", self.address, "--disable-usage-stats"]
        else:
            given += [*_HEAD, "--port", str(_PORT), "--temp-dir", str(self.folder / "ray")]
        log = self.folder / f"{number}.log"
        with log.open("wb") as file:
            process = subprocess.Popen(
                [*within, str(_RAY), "start", *given],
                env={"PATH": os.environ["PATH"], "HOME": str(self.folder), **self.variables, **variables},  # noqa: TID251 - to find `ip`
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
            )
        machine = Machine(process, log)
        self.machines.append(machine)
        self.stack.callback(machine.kill)
        return machine


_PORT = 26379


@contextmanager
def clustered() -> Iterator[Machines]:
    """Give a cluster without any machine yet; those that are started end with the block."""
    # The names of Ray's sockets lie below it, and may be only so long.
    folder = Path(tempfile.mkdtemp(prefix="glan-", dir=tempfile.gettempdir()))
    try:
        with ExitStack() as stack:
            yield Machines(folder, stack.enter_context(bridged()), stack)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
