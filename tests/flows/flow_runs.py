"""What Prefect's server holds about a flow run."""

import time
from typing import Any
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterFlowRunId,
    FlowRunFilter,
    FlowRunFilterId,
    LogFilter,
    LogFilterFlowRunId,
)
from prefect.events.worker import EventsWorker
from prefect.logging.handlers import APILogHandler

from tests.waiting import PATIENCE

PAGE = 200


class Seen:
    """Everything of one flow run, as the UI would get it."""

    def __init__(self, flow_run: UUID) -> None:
        # What this process has not sent yet is sent now.
        APILogHandler().flush()
        EventsWorker.drain_all()
        this = FlowRunFilter(id=FlowRunFilterId(any_=[flow_run]))
        logs = LogFilter(flow_run_id=LogFilterFlowRunId(any_=[flow_run]))
        artifacts = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[flow_run]))
        with get_client(sync_client=True) as client:
            self.flow_run = client.read_flow_run(flow_run)
            self.artifacts = client.read_artifacts(artifact_filter=artifacts)
            self.logs: list[Any] = []
            while len(self.logs) % PAGE == 0:
                page = client.read_logs(logs, offset=len(self.logs), limit=PAGE)
                self.logs += page
                if not page:
                    break
            # The server learns of task runs from events, a little later than of their logs;
            # every task run ends with a log line.
            logged = {line.task_run_id for line in self.logs} - {None}
            deadline = time.monotonic() + PATIENCE
            while True:
                self.task_runs = client.read_task_runs(flow_run_filter=this)
                ended = {run.id for run in self.task_runs if run.state and run.state.is_final()}
                if logged <= ended and len(ended) == len(self.task_runs):
                    break
                assert time.monotonic() < deadline, "task runs that never ended"
                time.sleep(0.05)

    @property
    def states(self) -> dict[str, str]:
        """The state's name of each task run, by the run's name."""
        return {str(run.name): str(run.state_name) for run in self.task_runs}


def run_id(state: Any) -> UUID:
    """The flow run that a final state belongs to."""
    found = state.state_details.flow_run_id
    assert found is not None
    return UUID(str(found))
