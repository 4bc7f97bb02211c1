"""Make one virtual environment for each contender, with nothing but this Python, venv and pip.

    python benchmarks/engine/environments.py FOLDER            all of them, some minutes and gigabytes
    python benchmarks/engine/environments.py FOLDER openai     only those that are named

`FOLDER/openai/bin/python benchmarks/engine/contenders/openai_async.py ...` then runs a contender. The lower bounds
are the versions that were seen to work. What cannot be installed is told, and the others are made all the same.
"""

import argparse
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Environment:
    """What one contender needs."""

    script: str
    package: str
    """The one whose version is printed."""
    requirements: Sequence[str]


ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENTS = {
    "glan": Environment("glan_run.py", "glan", [str(ROOT)]),
    "pyreqwest": Environment("bare_pyreqwest.py", "pyreqwest", ["pyreqwest>=0.15.1", "msgspec>=0.21"]),
    "openai": Environment("openai_async.py", "openai", ["openai>=3.57"]),
    # Not datatrove[inference], which brings vLLM, SGLang and CUDA; these are what its runner imports for an endpoint.
    "datatrove": Environment(
        "datatrove_runner.py",
        "datatrove",
        ["datatrove>=0.10.1", "aiofiles>=25.1", "httpx>=0.28.1", "orjson>=3.13"],
    ),
    # Curator and distilabel import requests, and do not ask for it.
    "curator": Environment("curator.py", "bespokelabs-curator", ["bespokelabs-curator>=0.1.31", "requests>=2.34"]),
    "designer": Environment("designer.py", "data-designer", ["data-designer>=0.9.7"]),
    "distilabel": Environment("distilabel_pipeline.py", "distilabel", ["distilabel[openai]>=1.5.3", "requests>=2.34"]),
    "profile": Environment("../breakdown.py", "py-spy", ["py-spy>=0.4.1"]),
    "plot": Environment("../plot.py", "matplotlib", ["matplotlib>=3.10"]),
}


def make(folder: Path, environment: Environment) -> str:
    """Make one, and return the version of its package."""
    python = str(folder / "bin" / "python")
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    subprocess.run([python, "-m", "pip", "install", "--quiet", *environment.requirements], check=True)
    ask = f"from importlib.metadata import version; print(version({environment.package!r}))"
    return subprocess.run([python, "-c", ask], check=True, capture_output=True, text=True).stdout.strip()


def main() -> None:
    """Read the arguments, then make them one after the other."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{', '.join(ENVIRONMENTS)}; all if none is named")
    asked = parser.parse_args()
    names = asked.names or list(ENVIRONMENTS)
    if unknown := [name for name in names if name not in ENVIRONMENTS]:
        parser.error(f"no such environment: {', '.join(unknown)}; there are {', '.join(ENVIRONMENTS)}")
    failed = []
    for name in names:
        environment = ENVIRONMENTS[name]
        print(f"{name}: installing {', '.join(environment.requirements)}", flush=True)
        try:
            version = make(asked.folder / name, environment)
        except subprocess.CalledProcessError as error:
            print(f"{name}: failed, {error}", flush=True)
            failed.append(name)
        else:
            print(f"{name}: {environment.package} {version}, runs contenders/{environment.script}", flush=True)
    if failed:
        raise SystemExit(f"Not made: {', '.join(failed)}.")


if __name__ == "__main__":
    main()
