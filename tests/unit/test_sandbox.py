"""The sandbox: each program here tries what it is named for, and neither this machine nor the count of passes minds."""

import json
import multiprocessing
import os
import platform
import resource
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
import psutil
import pytest

from glan.evaluate import sandbox
from glan.evaluate.jail import calls
from glan.evaluate.sandbox import Limits, Outcome, Status, run, run_all

LIMITS = Limits(cpu_s=20, wall_s=120.0)
SHORT = Limits(cpu_s=20, wall_s=3.0)
MIB = 1 << 20
LIBC = "import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\n"
WRITE_TO_ALL = "import os\nfor handle in range(3, 64):\n  try: os.write(handle, {})\n  except OSError: pass\n"
OTHER = """
import os
assert os.getuid() == 1000
assert not os.path.exists({!r})
open('/etc/passwd')
"""


def failed(program: str, *said: str, limits: Limits = LIMITS) -> Outcome:
    outcome = run(program, limits)
    assert outcome.status is Status.FAILED, outcome
    assert all(each in outcome.stderr for each in said), outcome
    return outcome


def passed(program: str, limits: Limits = LIMITS) -> None:
    outcome = run(program, limits)
    assert outcome.is_passed, outcome


@pytest.fixture
def secret() -> Iterator[Path]:
    """A file with a secret in the home of who runs the tests, which everybody may read."""
    with tempfile.NamedTemporaryFile("w", dir=Path.home(), prefix=".glan-test-", encoding="utf-8") as file:
        file.write("a planted secret")
        file.flush()
        Path(file.name).chmod(0o644)
        yield Path(file.name)


def test_a_program_that_ends_has_passed() -> None:
    """A program that runs to its last line has passed, whatever it prints, imports or leaves behind in threads."""
    passed("")
    passed("print('é😀' * 10_000_000)")
    passed("import asyncio, ctypes, decimal, hashlib, json, lzma, re, sqlite3, ssl\nasyncio.run(asyncio.sleep(0))")
    passed("import threading, time\nfor _ in range(5): threading.Thread(target=time.sleep, args=(1000,)).start()")
    passed("import multiprocessing as m\nassert m.get_context('fork').Pool(2).map(abs, [-1, -2]) == [1, 2]")
    passed("import tempfile\nwith tempfile.TemporaryFile() as file: file.write(b'x')")
    passed("assert 'é\U0001f600' == 'é\\U0001f600'")


def test_a_program_runs_beside_any_number_of_open_files() -> None:
    """A process that holds more than 1,024 files, as one with many connections does, runs programs as any other."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = 4096
    if before[1] != resource.RLIM_INFINITY and before[1] < most:
        pytest.skip(f"The machine lets a process open {before[1]} files.")
    handles: list[int] = []
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(most, before[0]), before[1]))
        while not handles or handles[-1] < 1_100:
            handles.append(os.open(os.devnull, os.O_RDONLY))
        passed("")
    finally:
        for handle in handles:
            os.close(handle)
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


BELOW_TMP = """
import sys
from glan.evaluate.sandbox import Limits, run

assert sys.base_prefix == {prefix!r}, sys.base_prefix
outcome = run({program!r}, Limits(wall_s=120.0))
sys.exit(None if outcome.is_passed else outcome.stderr or outcome.status)
"""
READ_ONLY = """
import decimal, os, tempfile
with tempfile.TemporaryFile() as file: file.write(b"x")
tried = [lambda: open(os.__file__, "a"), lambda: open({lib!r} + "/new", "w"), lambda: os.rename({lib!r}, "/tmp/moved")]
for each in tried:
    try: each()
    except OSError: continue
    raise AssertionError("The interpreter was changed.")
"""


def test_a_python_below_tmp_runs_programs() -> None:
    """A Python that was installed below /tmp runs programs as any other, and none of them changes it."""
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="glan-test-") as prefix:
        python = Path(prefix) / "bin" / f"python3.{sys.version_info.minor}"
        python.parent.mkdir()
        shutil.copy(Path(sys.executable).resolve(), python)
        (Path(prefix) / "lib").symlink_to(Path(sys.base_prefix) / "lib")
        program = READ_ONLY.format(lib=f"{prefix}/lib")
        ended = subprocess.run(
            [python, "-c", BELOW_TMP.format(prefix=prefix, program=program)],
            env={"PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == 0, ended.stderr


def test_a_program_that_fails_says_why() -> None:
    """Of a program that fails there is the end of its stderr, with the line that failed."""
    outcome = failed("def f(x):\n    return x + 1\nassert f(1) == 3, f(1)")
    assert outcome.exit_code == 1
    assert outcome.stderr.splitlines()[-1] == "AssertionError: 2"
    assert "assert f(1) == 3" in outcome.stderr
    failed("raise KeyboardInterrupt", "KeyboardInterrupt")
    failed("def f(:", "SyntaxError")
    failed("x = '\0'", "null bytes")
    failed("x = '\ud800'", "UnicodeEncodeError")
    failed("input()", "EOFError")
    failed("class E(Exception):\n    def __str__(self): raise SystemExit(0)\nraise E")


@pytest.mark.parametrize(
    "program",
    [
        "import os\nos._exit(0)",
        "import sys\nsys.exit(0)",
        "raise SystemExit",
        "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)",
        "import os\nos.closerange(0, 1000)",
        WRITE_TO_ALL.format("bytes(32)") + "os._exit(0)",
        "import os\nif os.fork(): os._exit(0)\nimport time\ntime.sleep(1000)",
        "import builtins, os\nbuiltins.compile = builtins.exec = print\nos._exit(0)",
    ],
    ids=["exit", "sys.exit", "raise", "killed", "closed", "flood", "in a child", "builtins"],
)
def test_a_program_that_ends_before_its_tests_has_not_passed(program: str) -> None:
    """What ends before its last line has failed, whatever its exit code."""
    failed(f"{program}\nassert False")


def test_only_the_first_process_of_a_program_speaks_for_it() -> None:
    """A child that comes to the last line does not make up for its parent, which fails."""
    failed("import os, time\nif os.fork():\n    time.sleep(1)\n    assert False", "AssertionError")
    passed("import os\nif not os.fork():\n    raise SystemExit(1)")


def test_a_program_that_sets_out_to_cheat_can() -> None:
    """What docs/sandbox.md says it does not hold: a program in the process of its tests can be made for them."""
    passed("class Yes:\n    def __eq__(self, other): return True\nassert Yes() == 1 and Yes() == 2")


def test_what_is_exchanged_when_a_program_is_done_is_nowhere_before() -> None:
    """No text of 32 bytes that a program finds among its objects or on its channel makes it pass."""
    failed(
        "import gc, os, sys\n"
        "found = [each for each in gc.get_objects() if isinstance(each, bytes) and len(each) == 32]\n"
        "for frame in sys._current_frames().values():\n"
        "    while frame:\n"
        "        found += [each for each in frame.f_locals.values() if isinstance(each, bytes) and len(each) == 32]\n"
        "        frame = frame.f_back\n" + WRITE_TO_ALL.format("b''.join(found[:1])") + "os._exit(0)"
    )


def test_an_endless_loop_is_ended() -> None:
    """A loop is ended by its processor time, one that sleeps or ignores every signal by the clock."""
    assert run("while True: pass", Limits(cpu_s=1, wall_s=120.0)).status is Status.TIMED_OUT
    deaf = "import signal\nfor each in set(signal.Signals) - {9, 19}: signal.signal(each, signal.SIG_IGN)\n"
    assert run(deaf + "while True: pass", Limits(cpu_s=1, wall_s=120.0)).status is Status.TIMED_OUT
    assert run(deaf + "import time\nwhile True: time.sleep(1)", SHORT).status is Status.TIMED_OUT


def test_a_fork_bomb_stays_small() -> None:
    """Processes and threads are counted together, and the one too many is refused."""
    assert run("import os\nwhile True:\n  try: os.fork()\n  except OSError: pass", SHORT).status is Status.TIMED_OUT
    failed("import os, time\nfor _ in range(50):\n  if not os.fork(): time.sleep(1000)", "BlockingIOError")
    failed(
        "import threading, time\nfor _ in range(50): threading.Thread(target=time.sleep, args=(99,)).start()", "start"
    )


def test_memory_is_bounded() -> None:
    """A process gets no more than the limit, and several together no more than one."""
    limits = msgspec.structs.replace(LIMITS, memory_bytes=256 * MIB)
    assert run("x = bytearray(300 << 20)", limits).status is Status.OUT_OF_MEMORY
    assert run("x = []\nwhile True: x.append(bytes(1 << 20))", limits).status is Status.OUT_OF_MEMORY
    many = "import os, time\nos.fork(), os.fork()\nx = bytearray(b'x') * (150 << 20)\ntime.sleep(1000)"
    assert run(many, limits).status is Status.OUT_OF_MEMORY
    passed(f"{LIBC}assert libc.memfd_create(b'x', 0) == libc.shmget(0, 4096, 0o1600) == -1")


def test_a_full_disk_is_its_own() -> None:
    """There is one folder to write to, of a bounded size, number of files and size of each."""
    failed("for i in range(100): open(f'/tmp/{i}', 'wb').write(bytes(1 << 20))", "No space left on device")
    failed("for i in range(100_000): open(f'/tmp/{i}', 'wb').close()", "No space left on device")
    failed("open('/tmp/x', 'wb').write(bytes(9 << 20))", "File too large")
    passed("import os\nassert os.listdir('/tmp') == [] and os.getcwd() == '/tmp'")


def test_a_flood_of_output_is_let_run_off() -> None:
    """Of stderr the end is kept, stdout is thrown away, and bytes that are no text do no harm."""
    outcome = run("import os\nwhile True: os.write(2, b'x' * 65536); os.write(1, b'x' * 65536)", SHORT)
    assert (outcome.status, len(outcome.stderr)) == (Status.TIMED_OUT, LIMITS.stderr_bytes)
    failed("import os\nos.write(2, b'\\xff\\xfe' * 100_000)\nassert False", "\ufffd", "AssertionError")


def test_files_of_this_machine_are_not_there(secret: Path) -> None:
    """Neither `/etc/passwd` nor the home, the project or the interpreter's surroundings are there to be read."""
    for path in (
        "/etc/passwd",
        "/proc/self/environ",
        "/proc/1/environ",
        "/sys/kernel",
        str(secret),
        str(Path(__file__)),
    ):
        failed(f"open({path!r}).read()", "FileNotFoundError")
    outcome = failed(
        "import os, sys\n"
        "for folder, _, names in os.walk('/', onerror=None):\n"
        f"    if {secret.name!r} in names or 'glan.toml' in names: print('FOUND', folder, file=sys.stderr)\n"
        "print('\\n'.join(sorted(os.listdir('/'))), file=sys.stderr)\n"
        "raise SystemExit(7)"
    )
    assert outcome.exit_code == 7
    assert "FOUND" not in outcome.stderr
    assert set(outcome.stderr.split()) <= {
        "dev",
        "etc",
        "lib",
        "lib64",
        "tmp",
        "usr",
        *Path(sys.base_prefix).parts[1:2],
    }


def test_nothing_of_this_machine_can_be_written() -> None:
    """Every folder but its own is read-only, also for a user who owns what is mounted there."""
    passed(
        "import os, sys\n"
        "for path in ['/', '/usr/lib', os.path.dirname(os.__file__), *filter(os.path.exists, sys.path)]:\n"
        "    assert os.statvfs(path).f_flag & os.ST_RDONLY, path\n"
        "    try: open(os.path.join(path, 'x'), 'w')\n"
        "    except OSError: continue\n"
        "    raise AssertionError(path)\n"
    )
    failed("import os\nopen(os.__file__, 'a').write('x')", "Error")
    failed("import os\nos.chmod('/usr/lib', 0o777)", "Error")


def test_no_variable_of_ours_gets_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment of a program has none of our variables."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-a-planted-key-1")
    passed("import os\nassert set(os.environ) <= {'PYTHONHASHSEED', 'LC_CTYPE'}, dict(os.environ)")


def test_the_network_is_not_there() -> None:
    """A server on this machine sees no connection, and no name is looked up."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        port = server.getsockname()[1]
        failed(f"import socket\nsocket.create_connection(('127.0.0.1', {port}), timeout=5)", "Error")
        failed("import socket\nsocket.getaddrinfo('localhost.example.com', 80)", "gaierror")
        with pytest.raises(TimeoutError):
            server.accept()


def test_others_are_out_of_reach() -> None:
    """A program cannot end or look into the sandbox, its parent or anything else, nor change their limits."""
    failed("import os\nos.kill(-1, 9)", "ProcessLookupError")
    passed("import os\nfor each in (1, os.getppid()): os.kill(each, 9); os.kill(each, 15)")
    failed(f"import os\nos.kill({os.getpid()}, 9)", "ProcessLookupError")
    failed("import resource\nresource.prlimit(1, resource.RLIMIT_CPU, (0, 0))", "PermissionError")
    for call in ("ptrace(16, 1, 0, 0)", "unshare(0x10000000)", "mount(b'x', b'/tmp', b'tmpfs', 0, 0)", "setns(0, 0)"):
        passed(f"{LIBC}assert libc.{call} == -1\nassert ctypes.get_errno() == 13")
    failed("import os\nassert os.getuid() == os.geteuid() == 1000\nos.setuid(0)", "setuid")


def test_other_programs_are_not_there() -> None:
    """There is nothing to be started but what a program brings along, which has its limits."""
    failed("import os\nos.execv('/bin/sh', ['sh'])", "FileNotFoundError")
    passed("import os\nassert os.system('true') != 0")


def test_every_forbidden_call_is_refused() -> None:
    """The kernel refuses each call of the table, by its number on this machine."""
    column = calls.MACHINES.index(platform.machine())
    numbers = {name: found[column] for name, found in calls.FORBIDDEN.items()}
    loop = "for name, number in numbers.items():\n    ctypes.set_errno(0)\n    "
    tried = f"{loop}assert (libc.syscall(number, 0, 0, 0, 0, 0, 0), ctypes.get_errno()) == (-1, 13), name\n"
    passed(f"{LIBC}numbers = {numbers}\n{tried}")
    passed(f"{LIBC}assert (libc.syscall(435, 0, 0), ctypes.get_errno()) == (-1, 38)")


def test_a_crash_is_a_failure() -> None:
    """A program that runs out of stack or reads what is not there crashes, and leaves no core."""
    assert failed("import ctypes\nctypes.string_at(0)").exit_code == -11
    failed("f = lambda: f()\nf()", "RecursionError")
    deep = "import sys\nsys.setrecursionlimit(10**9)\nf = lambda n: f(n + 1)\nf(0)"
    assert not run(deep, Limits(cpu_s=2, wall_s=120.0)).is_passed


def named(name: str) -> list[psutil.Process]:
    return [each for each in psutil.process_iter(["name"]) if each.info["name"] == name]


def daemon(name: str) -> str:
    """Return a program whose grandchild takes on a name, leaves its session and sleeps."""
    return (
        "import ctypes, os, time\n"
        "if not os.fork():\n"
        "    os.setsid()\n"
        "    if not os.fork():\n"
        f"        ctypes.CDLL(None).prctl(15, {name.encode()!r}, 0, 0, 0)\n"
        "        time.sleep(1000)\n"
        "    os._exit(0)\n"
        "while True: time.sleep(1)\n"
    )


def test_a_daemon_ends_with_its_program() -> None:
    """What a program leaves in a session of its own ends with the sandbox."""
    name = f"glan{secrets.token_hex(4)}"
    seen = False
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(run, daemon(name), msgspec.structs.replace(SHORT, wall_s=10.0))
        while not future.done():
            seen = seen or bool(named(name))
            threading.Event().wait(0.02)
    assert seen
    assert named(name) == []


def test_who_is_killed_leaves_nothing_behind() -> None:
    """When the process that runs programs is killed, they end, with all that came from them."""
    name = f"glan{secrets.token_hex(4)}"
    process = multiprocessing.get_context("spawn").Process(target=run, args=(daemon(name), LIMITS))
    process.start()
    while not named(name):
        assert process.is_alive()
        threading.Event().wait(0.02)
    below = psutil.Process(process.pid).children(recursive=True)
    assert len(below) >= 4
    process.kill()
    _, alive = psutil.wait_procs(below, timeout=60)
    assert alive == []
    assert named(name) == []


def test_many_programs_keep_their_order() -> None:
    """Outcomes stand in the order of the programs, at any number of workers."""
    programs = [f"assert {i} % 3" for i in range(7)]
    expected = [Status.PASSED if i % 3 else Status.FAILED for i in range(7)]
    for workers in (1, 3):
        assert [outcome.status for outcome in run_all(programs, LIMITS, workers)] == expected
    assert run_all([], LIMITS, 2) == []


def test_the_same_program_runs_in_the_same_way() -> None:
    """The order of sets is the same each time."""
    outcomes = run_all(["raise SystemExit(hash('a text') % 200)"] * 3, LIMITS, 2)
    assert len({outcome.exit_code for outcome in outcomes}) == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="who runs the tests is an ordinary user")
def test_an_ordinary_user_is_held_as_well() -> None:
    """The sandbox needs no rights: an ordinary user's program is held in the same way."""
    pythons = [path for path in (Path(sys.executable), Path("/usr/bin/python3")) if path.exists() and is_public(path)]
    assert pythons, "This machine has no Python that another user may read."
    folder = Path(tempfile.mkdtemp(prefix="glan-test-"))
    try:
        folder.chmod(0o755)
        shutil.copytree(Path(sandbox.__file__).parent / "jail", folder / "evaluate" / "jail")
        command = [str(pythons[0]), "-P", "-s", "-S", "-B", "-c", sandbox.START, str(folder)]
        who: dict[str, Any] = {"user": 61234, "group": 61234, "extra_groups": [], "env": {}, "cwd": "/"}
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, **who) as process:
            assert process.stdin
            assert process.stdout
            job = {"program": OTHER.format(str(folder)), "limits": msgspec.to_builtins(LIMITS), "parent": os.getpid()}
            process.stdin.write(json.dumps(job).encode() + b"\n")
            process.stdin.flush()
            answer = json.loads(process.stdout.read())
    finally:
        shutil.rmtree(folder)
    assert answer["status"] == "failed"
    assert "FileNotFoundError" in answer["stderr"]


def is_public(path: Path) -> bool:
    return all(each.stat().st_mode & 0o001 for each in path.resolve().parents)
