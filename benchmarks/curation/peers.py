"""Make one virtual environment for each program that is measured beside ours, with nothing but Python, venv and pip.

    python benchmarks/curation/peers.py FOLDER

The lower bounds are the versions that were seen to work. datatrove hashes texts, which xxhash takes up to version 3.
"""

import subprocess
import sys
from pathlib import Path

PEERS = {
    "rensa": ["rensa>=0.5.0"],
    "datasketch": ["datasketch>=2.0.0"],
    "datatrove": ["datatrove>=0.10.1", "xxhash>=3.8,<4", "regex>=2026.1", "tokenizers>=0.23", "tldextract>=5.3"],
}


def main() -> None:
    """Make them one after the other."""
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    for name, requirements in PEERS.items():
        print(f"{name}: installing {', '.join(requirements)}", flush=True)
        folder = Path(sys.argv[1]) / name
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        subprocess.run([str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", *requirements], check=True)


if __name__ == "__main__":
    main()
