"""What a record says about the machine and the code that built an artifact."""

import functools
import os
import platform
import socket
import subprocess
import sys
from importlib import metadata
from typing import Any

_PACKAGES = (
    "tunesmith",
    "torch",
    "transformers",
    "trl",
    "peft",
    "accelerate",
    "datasets",
    "great_expectations",
    "mlflow",
    "msgspec",
    "numpy",
    "pandas",
    "prefect",
    "pyarrow",
    "pydantic",
    "scipy",
)


@functools.cache
def packages() -> dict[str, str]:
    """Return the versions of the packages that can change what is built."""
    versions = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions


@functools.cache
def commit() -> str | None:
    """Return the git commit of the working folder, `+dirty` if changed; None outside git."""
    try:
        found = subprocess.run(
            ["git", "describe", "--always", "--abbrev=40", "--dirty=+dirty", "--exclude=*"],  # noqa: S607
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return found.stdout.strip() or None


def device() -> str:
    """Return the device that a build used, without importing torch for one that did not."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        return str(torch.cuda.get_device_name())
    return f"cpu {platform.machine()} ({os.cpu_count()} cores)"


def here() -> dict[str, Any]:
    """Return host, process, device, commit and package versions of this process."""
    return {
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "device": device(),
        "commit": commit(),
        "packages": packages(),
    }
