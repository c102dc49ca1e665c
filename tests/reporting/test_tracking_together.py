"""Several processes may be the first to open one tracking store."""

import subprocess
import sys

CODE = """
import sys
from pathlib import Path
from tunesmith.reporting.tracking import Tracker
print("ready", flush=True)
sys.stdin.readline()
tracker = Tracker(f"sqlite:///{sys.argv[1]}/new/mlflow.db", Path(sys.argv[1]) / "artifacts")
tags = dict.fromkeys(("started_by", "trigger", "why", "commit", "recipe"), "x")
print(tracker.start_run("demo", sys.argv[2], tags), flush=True)
"""


def test_two_first_users_both_get_their_run(tmp_path):
    users = [
        subprocess.Popen(
            [sys.executable, "-c", CODE, str(tmp_path), name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for name in ("one", "two")
    ]
    for user in users:
        assert user.stdout.readline() == "ready\n"
    for user in users:
        user.stdin.write("\n")
        user.stdin.flush()
    runs = [user.communicate(timeout=120)[0].strip() for user in users]
    assert [user.returncode for user in users] == [0, 0]
    assert all(runs)
    assert runs[0] != runs[1]
