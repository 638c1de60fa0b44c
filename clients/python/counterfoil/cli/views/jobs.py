"""What people see of a job."""

from counterfoil.cli.views.layout import moment, word
from counterfoil.types.v1 import job_pb2


def state_word(job: job_pb2.Job) -> str:
    """Return a job's state in lower case, for example "succeeded"."""
    return word(job_pb2.JobState.DESCRIPTOR, job.state)


def job_facts(job: job_pb2.Job) -> list[tuple[str, str]]:
    """Return state, error, times and caller of a job."""
    running = job.state == job_pb2.JOB_STATE_RUNNING
    progress = f", {job.progress.fraction:.0%}: {job.progress.stage}".removesuffix(": ") if running else ""
    return [
        ("state", f"{state_word(job)}{progress}"),
        ("error", f"{job.error.message} ({job.error.reason or 'JOB_FAILED'})" if job.HasField("error") else ""),
        ("created", f"{moment(job.create_time)} by {job.caller or 'unverified'}"),
        ("took", _duration(job)),
    ]


def _duration(job: job_pb2.Job) -> str:
    if not (job.HasField("start_time") and job.HasField("end_time")):
        return ""
    seconds = (job.end_time.ToDatetime() - job.start_time.ToDatetime()).total_seconds()
    return f"{seconds:.1f} s"
