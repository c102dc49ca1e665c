"""The errors that Tunesmith raises on purpose.

    TunesmithError
    ├── RecipeError       the recipe is wrong: mend the file, nothing was run
    ├── InputError        data or a model folder is wrong: mend the input
    ├── MissingArtifact   a stored artifact that cannot be made again at will is gone
    ├── Unready           everything works, but the evidence says: do not go on yet
    └── Transient         the outside world failed; the same call may work later

Only `Transient` is ever retried. Each class has its own exit code, and the command line prints
these errors without a traceback. A message says which file, line and field, what was found,
what was expected, and what to do next.
"""


class TunesmithError(Exception):
    """Base of every error that has a message meant for the person at the keyboard."""

    exit_code = 1


class RecipeError(TunesmithError):
    """The recipe cannot be used; the message lists everything that is wrong with it."""

    exit_code = 3


class InputError(TunesmithError):
    """A file, a row or a model folder is not what the recipe says it is."""

    exit_code = 4


class MissingArtifact(TunesmithError):
    """A record names an artifact that the store no longer holds intact."""

    exit_code = 5


class Unready(TunesmithError):
    """Not enough, or not good enough, to go on; nothing is broken.

    Attributes:
        look: The dropped rows to look at, as the start of their artifact's digest and the
            reason. The message itself quotes no row: it also goes to Prefect and MLflow.
    """

    exit_code = 6

    def __init__(self, message: str, look: tuple[str, str] | None = None) -> None:
        super().__init__(message)
        self.look = look


class Transient(TunesmithError):
    """The outside world failed in a way that may pass: try again later."""

    exit_code = 7
