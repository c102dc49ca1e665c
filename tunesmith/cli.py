"""The command line: each command parses its arguments and calls the library once.

Imports that take time stand inside the commands, so that `tunesmith --help` answers at once.
"""

import logging
import os
import sys
from pathlib import Path
from typing import Any, Literal

import click

from tunesmith import stages
from tunesmith.errors import TunesmithError
from tunesmith.wording import counted

RECIPE = click.argument("recipe", type=click.Path(path_type=Path))


class _Group(click.Group):
    """Prints errors that have a message for a person without a traceback, with their own code."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except TunesmithError as error:
            from tunesmith.commands.terminal import stopped

            click.echo(stopped(error), err=True)
            sys.exit(error.exit_code)
        except BrokenPipeError:
            sys.exit(1)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="tunesmith")
@click.option("-v", "--verbose", is_flag=True, help="Show what the library logs in detail.")
def main(verbose: bool) -> None:
    """Keep fine-tuned language models good: data, training, evidence, verdict."""
    logging.basicConfig(format="%(asctime)s  %(message)s", datefmt="%H:%M:%S")
    logging.getLogger("tunesmith").setLevel(logging.DEBUG if verbose else logging.INFO)


@main.command()
@RECIPE
@click.option("--why", default="", help="A reason, kept with the run.")
@click.option(
    "--accept-drops",
    multiple=True,
    metavar="REASON",
    help="Reason whose dropped rows you have looked at; `all` for any. May be repeated.",
)
@click.option(
    "--rebuild",
    multiple=True,
    metavar="STAGE",
    type=click.Choice(stages.NAMES),
    help="Stage to run although cached. May be repeated.",
)
def run(recipe: Path, why: str, accept_drops: tuple[str, ...], rebuild: tuple[str, ...]) -> None:
    """Run a recipe from its sources to a verdict, in this process, without Prefect."""
    import json

    from tunesmith import retrains, settings
    from tunesmith.commands.terminal import shown_progress, summary

    if rebuild:
        os.environ["TUNESMITH_REBUILD"] = json.dumps(rebuild)
    with shown_progress():
        ended = retrains.run(
            recipe, settings.load(), trigger="manual", why=why, accept=accept_drops
        )
    click.echo(summary(ended))


@main.command()
@RECIPE
@click.option(
    "--accept-drops",
    multiple=True,
    metavar="REASON",
    help="Reason whose dropped rows you have looked at; `all` for any. May be repeated.",
)
def prepare(recipe: Path, accept_drops: tuple[str, ...]) -> None:
    """Make a recipe's training set without training; print what was dropped, flagged and kept."""
    from tunesmith import settings
    from tunesmith.commands.checking import prepared
    from tunesmith.commands.terminal import shown_progress

    with shown_progress():
        told = prepared(recipe, settings.load(), accept_drops)
    click.echo(told)


@main.command()
@RECIPE
def check(recipe: Path) -> None:
    """Check a recipe; print it resolved, what would run, and what its test set can settle."""
    from tunesmith import recipe as recipes
    from tunesmith import settings
    from tunesmith.commands.checking import report

    click.echo(report(recipes.load(recipe), settings.load()))


@main.command()
@RECIPE
def advise(recipe: Path) -> None:
    """Say whether a task needs fine-tuning: eight factors, what fails now, and a method."""
    from tunesmith import settings
    from tunesmith.commands.advising import advise as advised

    click.echo(advised(recipe, settings.load()))


@main.command()
@RECIPE
@click.option(
    "--size",
    "sizes",
    multiple=True,
    type=click.IntRange(min=1),
    help="Training examples of a model; 100, 200, 500, 1,000 and so on without. May be repeated.",
)
@click.option(
    "--on",
    type=click.Choice(["test", "validation"]),
    default="test",
    show_default=True,
    help="The set that every model is measured on.",
)
@click.option(
    "--accept-drops",
    multiple=True,
    metavar="REASON",
    help="Reason whose dropped rows you have looked at; `all` for any. May be repeated.",
)
def learning_curve(
    recipe: Path,
    sizes: tuple[int, ...],
    on: Literal["test", "validation"],
    accept_drops: tuple[str, ...],
) -> None:
    """Train on more and more of the examples, and say whether more data would pay.

    The flow `learning_curve` does the same under Prefect.
    """
    from tunesmith import learning_curve as curves
    from tunesmith import settings
    from tunesmith.commands.terminal import shown_progress

    with shown_progress():
        ended = curves.run(
            recipe, settings.load(), sizes=sizes or curves.SIZES, on=on, accept=accept_drops
        )
    click.echo(f"{ended.told}\n\nreport  {ended.report}\nMLflow  {ended.run_url}")


@main.command()
@RECIPE
@click.argument("reason", default="")
@click.option(
    "-n", "--rows", type=click.IntRange(min=0), default=5, show_default=True, help="Rows of each."
)
@click.option(
    "--set",
    "changes",
    multiple=True,
    metavar="KEY=VALUE",
    help="Try the recipe with this, such as score.minimum=0.7. May be repeated.",
)
def inspect(recipe: Path, reason: str, rows: int, changes: tuple[str, ...]) -> None:
    """Show rows of each drop reason and flag, and with --set what a change would do to them."""
    from tunesmith import settings
    from tunesmith.commands.inspecting import inspect as look
    from tunesmith.commands.terminal import shown_progress

    with shown_progress():
        told = look(recipe, settings.load(), reason, rows, changes)
    click.echo(told)


@main.command()
@RECIPE
@click.argument("labels", required=False, type=click.Path(path_type=Path))
@click.option("--sample", type=click.IntRange(min=1), help="Draw so many rows to label.")
@click.option("--out", type=click.Path(path_type=Path), help="File for the rows to label.")
def calibrate(recipe: Path, labels: Path | None, sample: int | None, out: Path | None) -> None:
    """Fit the weights of the quality score to rows that people called good or bad."""
    from tunesmith import settings
    from tunesmith.commands import calibrating
    from tunesmith.commands.terminal import shown_progress

    if (labels is None) == (sample is None) or (sample is None) != (out is None):
        raise click.UsageError("give a file of LABELS, or --sample N with --out FILE to make one")
    with shown_progress():
        if sample is not None and out is not None:
            told = calibrating.draw(recipe, settings.load(), sample, out)
        elif labels is not None:
            told = calibrating.calibrate(recipe, settings.load(), labels)
    click.echo(told)


@main.command()
@RECIPE
@click.option(
    "--model",
    required=True,
    metavar="MODEL",
    help=(
        "base, champion, candidate-DIGEST, a folder with a model, or a .yaml file with base_url "
        "and model."
    ),
)
@click.option(
    "--on",
    required=True,
    metavar="SET",
    help="test, golden, suites, the name of a use, or a file of rows.",
)
@click.option(
    "--judge", type=click.Path(path_type=Path), help="File of a judge to ask about the answers too."
)
@click.option("--against", default="", metavar="MODEL", help="Have the judge choose between two.")
@click.option(
    "--propose",
    type=click.Path(path_type=Path),
    help="With --against: file for the judge's choices as preference pairs, to review.",
)
def evaluate(
    recipe: Path, model: str, on: str, judge: Path | None, against: str, propose: Path | None
) -> None:
    """Score a model on a set: metrics with intervals and n; nothing is asked a second time."""
    from tunesmith import settings
    from tunesmith.commands.evaluating import report
    from tunesmith.commands.terminal import shown_progress

    with shown_progress():
        told = report(recipe, settings.load(), model, on, judge, against, propose)
    click.echo(told)


@main.command()
@RECIPE
@click.argument("labels", required=False, type=click.Path(path_type=Path))
@click.option("--judge", type=click.Path(path_type=Path), help="File of another judge to ask.")
@click.option("--sample", type=click.IntRange(min=1), help="Draw so many answers to label.")
@click.option("--out", type=click.Path(path_type=Path), help="File for the answers to label.")
def judge(
    recipe: Path, labels: Path | None, judge: Path | None, sample: int | None, out: Path | None
) -> None:
    """Say how a judge agrees with people on answers that they labelled: Cohen's kappa."""
    from tunesmith import settings
    from tunesmith.commands import judging
    from tunesmith.commands.terminal import shown_progress

    if (labels is None) == (sample is None) or (sample is None) != (out is None):
        raise click.UsageError("give a file of LABELS, or --sample N with --out FILE to make one")
    with shown_progress():
        if sample is not None and out is not None:
            told = judging.draw(recipe, settings.load(), sample, out)
        elif labels is not None:
            told = judging.hold(recipe, settings.load(), labels, judge)
    click.echo(told)


@main.command()
@RECIPE
@click.argument("stage", default="")
def why(recipe: Path, stage: str) -> None:
    """Say, field by field, why stages of a recipe would be rebuilt."""
    from tunesmith import recipe as recipes
    from tunesmith import settings
    from tunesmith.commands.checking import explain

    click.echo(explain(recipes.load(recipe), settings.load(), stage))


@main.command()
@click.argument("artifact")
@click.option("--dropped", metavar="REASON", default=None, help="Show dropped rows; `all` for any.")
@click.option("-n", "--rows", default=20, show_default=True, help="How many rows to show.")
def show(artifact: str, dropped: str | None, rows: int) -> None:
    """Show an artifact by the start of its digest: its record, its counts, some rows."""
    from tunesmith import settings
    from tunesmith.commands.checking import show_artifact

    click.echo(show_artifact(settings.load().store(), artifact, dropped, rows))


@main.command()
@click.option("--older-than", default=14.0, show_default=True, metavar="DAYS", help="Age in days.")
@click.option("--delete", is_flag=True, help="Delete; without it, only list.")
def gc(older_than: float, delete: bool) -> None:
    """List or delete artifacts that no record names, and abandoned unfinished work.

    What a process of this machine left that is gone, and nobody can take up, goes at any age.
    """
    from tunesmith import settings
    from tunesmith.commands import upkeep

    store = settings.load().store()
    found = list(upkeep.garbage(store, older_than))
    for item in found:
        used = delete and not upkeep.collect(store, item)
        said = "  in use again, and left" if used else ""
        click.echo(f"{item.size / 1e6:10.1f} MB  {item.days:6.1f} days  {item.path}{said}")
    total = sum(item.size for item in found) / 1e6
    done = "deleted" if delete else "would go; add --delete"
    folders = counted(len(found), "folder")
    click.echo(f"{folders}, {total:.1f} MB {done}" if found else "nothing to collect")


@main.command()
def doctor() -> None:
    """Read every artifact again, look for retrains and aliases that lag, and mend the aliases.

    Only an alias that lags behind the ledger of a rollout is mended; any other is told.
    """
    from tunesmith import settings
    from tunesmith.commands.checking import diagnose
    from tunesmith.commands.releasing import mended
    from tunesmith.commands.upkeep import leftovers

    for line in mended(settings.load()):
        click.echo(line)
    problems = list(diagnose(settings.load()))
    for problem in problems:
        click.echo(problem)
    if left := leftovers(settings.load().store()):
        click.echo(left)
    if problems:
        sys.exit(5)
    click.echo("everything is in order")


@main.command()
@click.argument("name", type=click.Choice(["support-email", "ungrounded-email"]))
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder to write to.")
@click.option("--seed", default=7, show_default=True, help="Another seed, other tickets.")
@click.option(
    "--rows", type=int, help="Lines to write: 1,700 for support-email, 14,000 for ungrounded-email."
)
def example_data(name: str, out: Path, seed: int, rows: int | None) -> None:
    """Write a made-up data set with known defects.

    support-email: tickets with follow-up e-mails, and the truth about their defects beside them.
    ungrounded-email: e-mails without the tickets that they answer, a set that must be refused.
    """
    from tunesmith.example_data import support_email, ungrounded_email

    if name == "ungrounded-email":
        click.echo(f"{ungrounded_email.write(out, seed=seed, rows=rows or 14_000)} written")
        return
    truth = support_email.write(out, seed=seed, rows=rows or 1700)
    counts = ", ".join(f"{count} {reason}" for reason, count in truth.counts.items())
    click.echo(
        f"{out}: {counted(len(truth.rows), 'line')}: {counts}; the truth about each in {truth.path}"
    )


@main.group()
def models() -> None:
    """Base models."""


@models.command()
@click.argument("model", default="HuggingFaceTB/SmolLM2-135M-Instruct")
@click.option("--revision", default=None, help="Commit of the hub, or sha256 of the source.")
def fetch(model: str, revision: str | None) -> None:
    """Find a base model and put it into the cache as safetensors."""
    from tunesmith import settings
    from tunesmith.training.models import resolve

    found = resolve(model, revision, settings.load().cache)
    click.echo(f"{found.model}: {found.path} (from {found.source}, {found.revision[:12]})")


@main.group()
def golden() -> None:
    """Golden sets."""


@golden.command()
@click.argument("source", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), required=True, help="File to write.")
@click.option("--size", default=100, show_default=True, help="Examples; 100 to 200 is the advice.")
@click.option("--salt", default="", help="Another salt, other examples.")
@click.option(
    "--column",
    "columns",
    multiple=True,
    metavar="FIELD=KEY",
    help="Key of the rows that holds a field, such as prompt=question. May be repeated.",
)
def create(source: Path, out: Path, size: int, salt: str, columns: tuple[str, ...]) -> None:
    """Choose a golden set from a JSONL file, once, and print what to put into the recipe."""
    import json

    from tunesmith.commands.golden import create as make
    from tunesmith.commands.golden import mapping

    keys = mapping(columns)
    sha256 = make(source, out, size, salt, keys)
    told = f"\n  columns: {json.dumps(keys)}" if keys else ""
    click.echo(f"golden:\n  path: {out}\n  sha256: {sha256}{told}")


@main.command()
@click.argument("name")
@click.option("--to", default=None, metavar="VERSION", help="Version that should serve.")
@click.option("--why", default="", help="A reason, kept with the move.")
def rollback(name: str, to: str | None, why: str) -> None:
    """Let the version before serve again: alias and gateways go back; who and why is kept.

    NAME is the recipe's. A candidate that is being rolled out is taken back. Without --to, a second
    call goes no further back.
    """
    from tunesmith import settings
    from tunesmith.commands.releasing import rollback as go_back

    click.echo(go_back(name, settings.load(), to, why))


@main.command()
@click.argument("retrain")
@click.option("--reason", required=True, help="Why; it stands in the version's card and tags.")
def override(retrain: str, reason: str) -> None:
    """Promote a rejected or inconclusive retrain, by its id, on a person's word."""
    from tunesmith import settings
    from tunesmith.commands.overriding import override as promote

    click.echo(promote(retrain, settings.load(), reason))


@main.command()
@click.argument("name")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=None,
    help="PNG file for the plot; HOME/reports/NAME-history.png by default.",
)
def history(name: str, out: Path | None) -> None:
    """Print and plot the golden score of every version of a model, NAME being the recipe's."""
    from tunesmith import settings
    from tunesmith.commands.history import history as tell

    click.echo(tell(name, settings.load(), out))


@main.group()
def rollout() -> None:
    """Rollouts: how a candidate reaches users. NAME is the recipe's, or a rollout's id."""


NAME = click.argument("name")
WHY = click.option("--why", required=True, help="The reason; it is kept with the move.")


@rollout.command()
@RECIPE
@click.option(
    "--requests-per-day",
    type=click.FloatRange(min=1),
    required=True,
    help="Requests a day with the id of a user or conversation.",
)
@click.option(
    "--per-user",
    type=click.FloatRange(min=1),
    default=5.0,
    show_default=True,
    help="Requests of a user over a stage.",
)
@click.option(
    "--rate",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    help="How often the champion completes its task (0.8 by default), or else fails.",
)
@click.option(
    "--correlation",
    type=click.FloatRange(0, 1),
    default=0.1,
    show_default=True,
    help="How alike one user's outcomes are.",
)
def plan(
    recipe: Path, requests_per_day: float, per_user: float, rate: float | None, correlation: float
) -> None:
    """Say how long each stage of a recipe's rollout takes, and what could be seen in it."""
    from tunesmith.commands.rollout import plan as planned
    from tunesmith.rollout.plan import Traffic

    click.echo(planned(recipe, Traffic(requests_per_day, per_user, correlation), rate))


@rollout.command()
@NAME
def status(name: str) -> None:
    """Say where a rollout stands, since when, what is missing, and what its guardrails say."""
    from tunesmith import settings
    from tunesmith.commands.rollout import status as tell

    click.echo(tell(name, settings.load()))


@rollout.command("history")
@NAME
def rollout_history(name: str) -> None:
    """Tell every move of a rollout: when, what, who, why, and on what evidence."""
    from tunesmith import settings
    from tunesmith.commands.rollout import history as tell

    click.echo(tell(name, settings.load()))


@rollout.command("report")
@NAME
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=None,
    help="HTML file; HOME/reports/ROLLOUT.html by default.",
)
def rollout_report(name: str, out: Path | None) -> None:
    """Write one HTML page that tells a rollout's story to someone who was not there."""
    from tunesmith import settings
    from tunesmith.commands.rollout import report

    click.echo(report(name, settings.load(), out))


@rollout.command()
@NAME
@click.option(
    "--version", default=None, help="Version to roll out; the alias candidate by default."
)
def start(name: str, version: str | None) -> None:
    """Begin to roll a version out against the champion, as the recipe that made it says."""
    from tunesmith import settings
    from tunesmith.commands.rollout_moves import start as begin

    click.echo(begin(name, settings.load(), version))


@rollout.command()
@NAME
@click.option(
    "--to",
    default=None,
    metavar="STAGE",
    help="Stage that it leads to, such as 25, or done; moves nothing where it is there already.",
)
@WHY
def advance(name: str, to: str | None, why: str) -> None:
    """Go on to the next stage, whatever is missing; after the last one it is promoted."""
    from tunesmith import settings
    from tunesmith.commands.rollout_moves import advance as go_on

    click.echo(go_on(name, settings.load(), why, to))


@rollout.command()
@NAME
@WHY
def hold(name: str, why: str) -> None:
    """Keep a rollout where it is until `resume`; a guardrail can still roll it back."""
    from tunesmith import settings
    from tunesmith.commands.rollout_moves import hold as keep

    click.echo(keep(name, settings.load(), why))


@rollout.command()
@NAME
@WHY
def resume(name: str, why: str) -> None:
    """Let a rollout go on that is held or asks a person; its budget begins anew."""
    from tunesmith import settings
    from tunesmith.commands.rollout_moves import resume as go_on

    click.echo(go_on(name, settings.load(), why))


@rollout.command("rollback")
@NAME
@WHY
def rollout_rollback(name: str, why: str) -> None:
    """Send everybody to the champion again, at once."""
    from tunesmith import settings
    from tunesmith.commands.rollout_moves import rollback as go_back

    click.echo(go_back(name, settings.load(), why))


@main.command()
@click.argument("name")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="Port."
)
@click.option(
    "--allow-loading", is_flag=True, help="Let clients load and unload adapters, as with vLLM."
)
@click.option(
    "--precision",
    type=click.Choice(["fp32", "bf16"]),
    default=None,
    help="Number format; the fastest of the machine by default.",
)
def serve(
    name: str,
    host: str,
    port: int,
    allow_loading: bool,
    precision: Literal["fp32", "bf16"] | None,
) -> None:
    """Serve a recipe's champion, candidate and rollout over OpenAI's wire format.

    NAME is the recipe's. Each version goes by its release name, such as support-email-v3-2026-11.
    A host other than this machine needs a key in TUNESMITH_SERVING_KEY.
    """
    from tunesmith import settings
    from tunesmith.commands.serving import serve as run

    run(name, settings.load(), host, port, allow_loading, precision)


@main.command()
def up() -> None:
    """Start, or find, a local Prefect server and MLflow server on loopback."""
    from tunesmith import settings
    from tunesmith.servers import up as start

    for name, server in start(settings.load()).items():
        click.echo(f"{name}: {server['url']}")
    click.echo("stop them with: tunesmith down")


@main.command()
def down() -> None:
    """Stop the servers that `up` started."""
    from tunesmith import settings
    from tunesmith.servers import down as stop

    stopped = stop(settings.load())
    click.echo("\n".join(stopped) or "nothing was running")


@main.command()
def deploy() -> None:
    """Apply deployments/prefect.yaml: pools, deployments, schedule, drift trigger."""
    from tunesmith import settings
    from tunesmith.deploying import deploy as apply

    for line in apply(settings.load(), Path.cwd()):
        click.echo(line)


@main.command()
@click.argument("row_id")
@click.option("--why", required=True, help="The reason; it stays in the row's place.")
@click.option("--yes", is_flag=True, help="Do it; without it, only list.")
def forget(row_id: str, why: str, yes: bool) -> None:
    """Replace a row by a tombstone everywhere in the store, and say what cannot be reached."""
    import datetime

    from tunesmith import settings
    from tunesmith.commands import forgetting, traces

    at = settings.load()
    store = at.store()
    found = forgetting.find(store, row_id)
    left = traces.trace(at, store, found)
    click.echo(traces.described(found, left))
    if not yes:
        click.echo("nothing was changed; add --yes to forget it")
        return
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    done = forgetting.forget(store, found, traces.forgetter(), now, why)
    click.echo(f"forgotten: {counted(done.total(), 'row')} in {counted(len(+done), 'artifact')}")
    for problem in traces.remove_reports(at, left):
        click.echo(problem)


@main.command()
@click.argument("artifact")
@click.option(
    "--as",
    "into",
    type=click.Choice(["openai", "alpaca", "dpo"]),
    required=True,
    help="Format of a line.",
)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder to make.")
def export(artifact: str, into: Literal["openai", "alpaca", "dpo"], out: Path) -> None:
    """Write an artifact's kept rows as JSONL for other tools, with their provenance and funnel."""
    from tunesmith import settings
    from tunesmith.commands.exporting import export as write

    made = write(settings.load().store(), artifact, into, out)
    for name, rows in made.rows.items():
        click.echo(f"{made.folder / name}: {counted(rows, 'row')}")


class _WithFile(click.Group):
    """Takes what is none of its commands for the file of `serve`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] not in (*self.commands, *ctx.help_option_names):
            args = ["serve", *args]
        return super().parse_args(ctx, args)


@main.group(cls=_WithFile)
def gateway() -> None:
    """Stand in front of the models: who gets which answer, and what became of it.

    `tunesmith gateway FILE` is short for `tunesmith gateway serve FILE`.
    """


@gateway.command("serve")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", type=click.IntRange(0, 65_535), default=8080, show_default=True, help="Port."
)
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Processes that share the port.",
)
def serve_gateway(file: Path, host: str, port: int, workers: int) -> None:
    """Serve what a gateway's FILE says, until told to end.

    The file is read once, at the start. A host other than this machine needs keys in it.
    """
    from tunesmith import settings
    from tunesmith.commands.gateway import serve

    serve(file, settings.load(), host, port, workers)


@gateway.command("key")
@click.argument("name")
@click.option("--per-minute", type=click.IntRange(min=1), help="Requests it may make in a minute.")
def make_key(name: str, per_minute: int | None) -> None:
    """Make a key for a client called NAME; it is shown once and kept nowhere."""
    from tunesmith.commands.gateway import key

    click.echo(key(name, per_minute))


@main.group()
def quarantine() -> None:
    """Rows that ingest dropped."""


@quarantine.command("show")
@click.argument("artifact_or_recipe")
@click.option("--reason", default=None, help="Only the rows dropped for this reason.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=None,
    help="File to write them to, for mending; without it they are printed.",
)
def show_quarantine(artifact_or_recipe: str, reason: str | None, out: Path | None) -> None:
    """Show the rows that ingest dropped: file, line, reason and raw text, secrets masked."""
    from tunesmith import settings
    from tunesmith.commands import quarantine

    store = settings.load().store()
    rows = quarantine.dropped(store, quarantine.locate(store, artifact_or_recipe), reason)
    if out is None:
        for text in quarantine.shown(rows):
            click.echo(text)
    else:
        written = counted(quarantine.write(rows, out), "row")
        named = Path(artifact_or_recipe).is_file()
        recipe = f" --recipe {artifact_or_recipe}" if named else ""
        click.echo(
            f"{out}: {written}; mend the text of raw, then: "
            f"tunesmith quarantine retry {out}{recipe} --out GOOD.jsonl"
        )


@quarantine.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), required=True, help="File for good rows.")
@click.option(
    "--recipe",
    type=click.Path(path_type=Path),
    default=None,
    help="Recipe whose sources the rows are of; without it, their shape is told from them.",
)
def retry(file: Path, out: Path, recipe: Path | None) -> None:
    """Read mended rows again: the good ones go to a file, the rest stays with new reasons."""
    from tunesmith.commands import quarantine

    tried = quarantine.retry(file, out, recipe)
    left = ", ".join(f"{count} {reason}" for reason, count in tried.left.most_common())
    if tried.good:
        good = counted(tried.good, "good row")
        click.echo(f"{out}: {good} now; name the file as a further source in the recipe")
    click.echo(f"{file}: {counted(tried.left.total(), 'row')} left{f': {left}' if left else ''}")
