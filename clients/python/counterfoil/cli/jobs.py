"""Waiting for a job with a progress bar on stderr, out of its Watch rpc."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from counterfoil.cli.output import console, json_wanted, say
from counterfoil.cli.views.jobs import state_word
from counterfoil.client.watching import follow
from counterfoil.types.v1 import job_pb2

News = TypeVar("News")
Report = Callable[[float, str], None]


def wait_for(
    label: str, watch: Callable[[], Iterable[News]], *, job: Callable[[News], job_pb2.Job], later: str
) -> News:
    """Return the last news of a job, the one that has ended, showing its progress until then.

    Ctrl-C leaves the job alone and says with which command (`later`) to look at it.
    """
    with progress_of(label) as report:
        try:
            for news in follow(watch, job=job):
                report(job(news).progress.fraction, _stage(job(news)))
        except KeyboardInterrupt:
            say(f"The job goes on; look at it with: {later}")
            raise
    return news


@contextmanager
def progress_of(label: str) -> Iterator[Report]:
    """Yield a function that shows on stderr the share done and the stage: a bar on a terminal, else a line a stage."""
    stderr = console(stderr=True)
    if json_wanted():
        yield lambda _fraction, _stage: None
    elif stderr.is_terminal:
        with _bar(label, stderr) as report:
            yield report
    else:
        yield _lines(label, stderr)


@contextmanager
def _bar(label: str, stderr: Console) -> Iterator[Report]:
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=stderr) as progress:
        task = progress.add_task(label, total=1.0)

        def advance(fraction: float, stage: str) -> None:
            """Move the bar and name the stage beside it."""
            progress.update(task, completed=fraction, description=f"{label}: {stage}")

        yield advance


def _lines(label: str, stderr: Console) -> Report:
    seen: set[str] = set()

    def tell(fraction: float, stage: str) -> None:
        """Print a stage the first time it is reached."""
        if stage not in seen:
            seen.add(stage)
            stderr.print(f"{label}: {fraction:4.0%} {stage}", soft_wrap=True)

    return tell


def _stage(job: job_pb2.Job) -> str:
    running = job.state == job_pb2.JOB_STATE_RUNNING
    return job.progress.stage if running and job.progress.stage else state_word(job)
