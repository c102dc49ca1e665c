"""A program that forgets a row in many stores, killed before each change to the file system.

python -m tests.killed_forgetting FOLDER ROW_ID     FOLDER/000 holds the store; copies are made
"""

import json
import os
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

from tunesmith.commands.forgetting import find, forget
from tunesmith.store import Store

CHANGES = {"os.link", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.chmod"}


def forget_until(root: Path, asked: str, number: int) -> None:
    """Forget a row; die before the n-th change to the file system."""
    store = Store(str(root))
    found = find(store, asked)
    left = number

    def kill(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal left
        writes = event == "open" and arguments[2] & (os.O_WRONLY | os.O_RDWR)
        if (writes or event in CHANGES) and str(arguments[0]).startswith(str(root)):
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(kill)
    forget(store, found, "Ann@desk", "2026-01-01T00:00:00+00:00", "asked to")


def main(folder: Path, asked: str) -> None:
    """Kill at every step, and print how many there are."""
    # Once here, so that no child need import what all need.
    import pyarrow.compute
    import pyarrow.parquet  # noqa: F401

    number = 0
    while True:
        number += 1
        root = folder / f"{number:03d}"
        shutil.copytree(folder / "000", root)
        child = os.fork()
        if child == 0:
            forget_until(root, asked, number)
            os._exit(0)
        ended = os.waitpid(child, 0)[1]
        if not os.WIFSIGNALED(ended):
            sys.stdout.write(json.dumps({"steps": number, "exit": os.WEXITSTATUS(ended)}))
            return


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
