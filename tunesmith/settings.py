"""Where this process runs: read from the environment, `TUNESMITH_*`, and nowhere else.

Nothing here is part of an artifact's identity: the same recipe gives the same keys on a laptop
and on a cluster. Stages never import this module.
"""

import functools
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from tunesmith import stages
from tunesmith.errors import RecipeError
from tunesmith.machine import available_cores

if TYPE_CHECKING:
    from tunesmith.store import Store

HOME = ".tunesmith"
SERVERS = "servers.json"


def _home() -> Path:
    """Return the nearest `.tunesmith` folder, looking upwards as git does, else a new one here."""
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / HOME).is_dir():
            return folder / HOME
    return here / HOME


def _cache() -> Path:
    import platformdirs

    return Path(platformdirs.user_cache_dir("tunesmith"))


class Settings(BaseSettings):
    """Every setting has a default that needs no account and no server."""

    model_config = SettingsConfigDict(env_prefix="TUNESMITH_", extra="ignore", frozen=True)

    home: Path = Field(
        default_factory=_home,
        validate_default=False,  # nobody has named it, and where all is elsewhere none is needed
        description=(
            "Folder for everything that no other setting places elsewhere. Default: the nearest "
            "`.tunesmith` upwards from the current folder, else a new one there."
        ),
    )
    store_url: str = Field(
        "",
        alias="TUNESMITH_STORE",
        description="Artifacts and records: a folder or an fsspec URL. Default: HOME/store.",
    )
    database_url: str = Field(
        "",
        alias="TUNESMITH_DATABASE",
        description="SQLAlchemy URL of the database. Default: SQLite at HOME/tunesmith.db.",
    )
    mlflow_url: str = Field(
        "",
        alias="TUNESMITH_MLFLOW",
        description=(
            "MLflow tracking URI. Default: the local server that `tunesmith up` started, "
            "else SQLite at HOME/mlflow.db."
        ),
    )
    cache: Path = Field(
        default_factory=_cache, description="Folder for downloaded and converted base models."
    )
    train_deployment: str = Field(
        "",
        description=(
            "Prefect deployment, as FLOW/NAME, that training is handed to; "
            "empty trains in the calling process."
        ),
    )

    engine: Literal["local", "ray"] = Field(
        "local",
        description="What row-wise work runs on: the cores of this machine, or a Ray cluster.",
    )
    workers: int = Field(
        default_factory=available_cores,
        ge=1,
        description="Processes of the local engine. Default: the cores this process may use.",
    )
    ray_address: str = Field("auto", description="Ray cluster to join, as for `ray.init`.")

    rebuild: tuple[str, ...] = Field(
        (),
        description=(
            'Stages to run although they are cached, as JSON such as ["train"]; what they build '
            "goes into a further record."
        ),
    )

    @field_validator("home")
    @classmethod
    def _can_be_made(cls, home: Path) -> Path:
        # Told here: whoever finds it missing later knows only what lies in it.
        wanted = home.absolute()
        there = next(at for at in (wanted, *wanted.parents) if os.access(at, os.F_OK))
        if not there.is_dir() or not (there == wanted or os.access(there, os.W_OK)):
            raise ValueError(f"TUNESMITH_HOME={home} can be no folder: see {there}")
        return home

    @field_validator("rebuild")
    @classmethod
    def _are_stages(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if unknown := sorted(set(names) - set(stages.NAMES)):
            raise ValueError(f"no stages: {', '.join(unknown)}; expected {', '.join(stages.NAMES)}")
        return names

    @property
    def store_location(self) -> str:
        """Where the store is."""
        return self.store_url or str(self.home.absolute() / "store")

    @property
    def database(self) -> str:
        """The database's URL."""
        return self.database_url or f"sqlite:///{self.home.absolute() / 'tunesmith.db'}"

    @property
    def servers(self) -> dict[str, Any]:
        """The local servers that `tunesmith up` left running: url, pid and start time by name."""
        try:
            servers = json.loads((self.home / SERVERS).read_bytes())
        except FileNotFoundError:
            return {}
        from tunesmith.processes import alive

        return {
            name: server
            for name, server in servers.items()
            if alive(server["pid"], server["started"])
        }

    @property
    def mlflow(self) -> str:
        """MLflow's tracking URI."""
        if self.mlflow_url:
            return self.mlflow_url
        server = self.servers.get("mlflow")
        if server:
            return str(server["url"])
        return f"sqlite:///{self.home.absolute() / 'mlflow.db'}"

    @property
    def mlflow_artifacts(self) -> Path | None:
        """Where MLflow's artifacts go; None leaves it to a server that is not ours."""
        return None if self.mlflow_url else self.home.absolute() / "mlflow-artifacts"

    def store(self) -> "Store":
        """Return the store."""
        from tunesmith.engine import LocalEngine, RayEngine
        from tunesmith.store import Store

        engine = (
            LocalEngine(self.workers) if self.engine == "local" else RayEngine(self.ray_address)
        )
        scratch = self.home.absolute() / "scratch"
        rebuild = frozenset(self.rebuild)
        return Store(self.store_location, scratch, rebuild, engine, secrets=os.environ)


@functools.lru_cache(maxsize=8)
def _load(environment: tuple[tuple[str, str], ...], cwd: str) -> Settings:
    try:
        return Settings()
    except SettingsError as error:
        raise RecipeError(f"the environment's TUNESMITH_* settings are wrong: {error}") from error
    except ValidationError as error:
        details = "; ".join(
            f"{item['loc'][0]}: {item['msg'].removeprefix('Value error, ')}"
            for item in error.errors()
        )
        raise RecipeError(f"the environment's TUNESMITH_* settings are wrong: {details}") from error


def load() -> Settings:
    """Return the settings of this moment: read anew when the environment has changed."""
    environment = tuple(
        sorted((name, value) for name, value in os.environ.items() if name.startswith("TUNESMITH_"))
    )
    return _load(environment, str(Path.cwd()))
