"""Starting ours, the others and the model's server, each as its users do."""

import contextlib
import datetime
import json
import os
import socket
import subprocess
import sys
import time
import venv
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from tunesmith.data.parsing import Reading, read_item
from tunesmith.data.readers import read_files
from tunesmith.data.source_files import gather
from tunesmith.example_data import support_email
from tunesmith.records import ChatExample
from tunesmith.rollout.ledger import Version, start
from tunesmith.rollout.params import RolloutParams

HERE = Path(__file__).parent
LITELLM = "litellm[proxy]==1.106.2"
ANSWERS = 200


class Command(NamedTuple):
    """How a server is started."""

    arguments: list[str]
    environment: Mapping[str, str] = MappingProxyType({})


class Server(NamedTuple):
    """A gateway, or the model's server itself."""

    process: subprocess.Popen
    port: int


def model_server(home: Path, port: int) -> Command:
    """The server behind all of them; it answers what stands in the example data, in turn."""
    support_email.write(home / "data", seed=7, rows=400)
    rows = [
        read_item(item, Reading("human", None))
        for item in read_files(gather(["tickets-*.jsonl"], home / "data"))
    ]
    answers = [row.answer for row in rows if isinstance(row, ChatExample)]
    file = home / "answers.json"
    file.write_text(json.dumps([one for one in answers if one.startswith("Subject")][:ANSWERS]))
    return Command([sys.executable, str(HERE / "upstream.py"), str(port), str(file)])


def ours(home: Path, port: int, url: str) -> Command:
    """Our gateway, with a rollout at 10 %."""
    now = datetime.datetime.now(datetime.UTC)
    control, treatment = (Version(version=str(n), model=f"model-{n}") for n in (3, 4))
    params = RolloutParams(stages=(10, 100))
    start(f"sqlite:///{home}/tunesmith.db", "support-email", control, treatment, params, "me", now)
    text = f"models: {{support-email: {{upstream: '{url}', serves: model-3}}}}\n"
    (home / "gateway.yaml").write_text(text)
    serve = [str(Path(sys.executable).parent / "tunesmith"), "gateway", str(home / "gateway.yaml")]
    return Command([*serve, "--port", str(port)], {"TUNESMITH_HOME": str(home)})


def bare(home: Path, port: int, url: str) -> Command:
    return _uvicorn("bare", port, url)


def httpx(home: Path, port: int, url: str) -> Command:
    return _uvicorn("starlette_httpx", port, url)


def _uvicorn(module: str, port: int, url: str) -> Command:
    what = [sys.executable, "-m", "uvicorn", f"{module}:app", "--app-dir", str(HERE)]
    how = ["--port", str(port), "--log-level", "warning", "--no-access-log"]
    return Command([*what, *how], {"UPSTREAM": url})


def litellm(home: Path, port: int, url: str) -> Command | None:
    """The LiteLLM proxy, installed where it is not; None where that fails."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    folder = cache / "tunesmith-benchmarks" / LITELLM
    program = folder / "bin" / "litellm"
    if not program.exists():
        print(f"installing {LITELLM} into {folder}, which takes minutes", flush=True)
        venv.create(folder, with_pip=True)
        pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "-q", LITELLM]
        subprocess.run(pip, check=False)
    if not program.exists():
        print(f"LITELLM IS LEFT OUT: {LITELLM} could not be installed", flush=True)
        return None
    file = home / "litellm.yaml"
    params = {"model": "openai/model-3", "api_base": url, "api_key": "-"}
    models = [{"model_name": "support-email", "litellm_params": params}]
    file.write_text(json.dumps({"model_list": models}))
    serve = [str(program), "--config", str(file), "--port", str(port), "--host", "127.0.0.1"]
    environment = {
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "LITELLM_LOG": "ERROR",
        # Ours, too, asks for no key on this machine's own address.
        "LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY": "true",
    }
    return Command(serve, environment)


GATEWAYS: dict[str, Callable[[Path, int, str], Command | None]] = {
    "ours": ours,
    "bare": bare,
    "httpx": httpx,
    "litellm": litellm,
}


@contextlib.contextmanager
def running(command: Command, port: int, core: int, log: Path) -> Iterator[Server]:
    """Run a server on a core for the length of the block."""
    own = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})  # inherited, from the first thread on
    with log.open("wb") as output:
        process = subprocess.Popen(
            command.arguments,
            stdout=output,
            stderr=output,
            env={**os.environ, **command.environment},
        )
    os.sched_setaffinity(0, own)
    try:
        until = time.monotonic() + 180
        while not _listens(port):
            if process.poll() is not None or time.monotonic() > until:
                sys.exit(f"{' '.join(command.arguments)} did not start: {_end_of(log)}")
            time.sleep(0.05)
        yield Server(process, port)
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def _end_of(log: Path) -> str:
    return log.read_text(errors="replace")[-2000:]


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]
