"""Run a flow from the terminal: `python -m flows RECIPE` runs `retrain`."""

import argparse
import os
import sys

from tunesmith import settings
from tunesmith.errors import TunesmithError
from tunesmith.servers import prefect_environment


def main() -> None:
    """Run `retrain`, on the local Prefect server if there is one."""
    parser = argparse.ArgumentParser(prog="python -m flows", description=main.__doc__)
    parser.add_argument("recipe")
    parser.add_argument("--why", default="", help="a reason, kept with the run")
    parser.add_argument("--accept-drops", action="append", metavar="REASON")
    arguments = parser.parse_args()
    # Prefect reads its environment when it is imported.
    os.environ.update(prefect_environment(settings.load()))
    from flows.retrain import retrain
    from tunesmith.commands.terminal import shown_progress, stopped, summary

    try:
        with shown_progress():
            state = retrain(
                arguments.recipe,
                why=arguments.why,
                accept_drops=arguments.accept_drops,
                return_state=True,
            )
        ended = state.result()
    except TunesmithError as error:
        sys.stderr.write(f"{stopped(error)}\n")
        sys.exit(error.exit_code)
    server = os.environ.get("PREFECT_API_URL", "").removesuffix("/api")
    run = state.state_details.flow_run_id
    link = [f"Prefect run  {server}/runs/flow-run/{run}"] if server else []
    sys.stdout.write(summary(ended, *link) + "\n")


if __name__ == "__main__":
    main()
