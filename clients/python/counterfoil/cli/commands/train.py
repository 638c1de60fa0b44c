"""`counterfoil train`: tuning, training and registering models."""

from typing import Any, Final

import click

from counterfoil.cli.costs import parse_costs
from counterfoil.cli.failures import check_ended_well
from counterfoil.cli.grids import parse_grid
from counterfoil.cli.jobs import wait_for
from counterfoil.cli.names import DEFAULT_MODEL, dataset_name, training_job_name
from counterfoil.cli.options import SEED, examples, page_options, request_id_option, wait_option
from counterfoil.cli.output import json_option, json_wanted, say, show
from counterfoil.cli.searches import search_of, search_options
from counterfoil.cli.session import Session, pass_session, trainer_calls
from counterfoil.cli.views.training import classifiers_view, training_job_list_view, training_job_view
from counterfoil.trainer.v1 import dataset_pb2, training_pb2
from counterfoil.trainer.v1.trainer_pb2_grpc import TrainerServiceStub

_IMBALANCES: Final = {
    "none": training_pb2.IMBALANCE_NONE,
    "class-weights": training_pb2.IMBALANCE_CLASS_WEIGHTS,
    "smote": training_pb2.IMBALANCE_SMOTE,
    "smotenc": training_pb2.IMBALANCE_SMOTENC,
}
_CALIBRATIONS: Final = {
    "auto": training_pb2.CALIBRATION_AUTO,
    "sigmoid": training_pb2.CALIBRATION_SIGMOID,
    "isotonic": training_pb2.CALIBRATION_ISOTONIC,
}
_PREPROCESSINGS: Final = {
    "none": training_pb2.PREPROCESSING_NONE,
    "standardisation": training_pb2.PREPROCESSING_STANDARDISATION,
    "pca": training_pb2.PREPROCESSING_PCA,
}


@click.group()
def train() -> None:
    """Tune, train and register models.

    A training job searches hyper-parameters by cross-validation, for the lowest business cost unless told otherwise,
    then trains, calibrates, tunes the threshold and registers one model version.
    """


@train.command(
    epilog=examples(
        "counterfoil train start --dataset ds-0123456789ab --classifier lightgbm",
        "counterfoil train start --dataset ds-0123456789ab --classifier lightgbm \\",
        "    --grid num_leaves=8,16 --grid reg_lambda=30,50 --folds 5 --repeats 3",
        "counterfoil train start --dataset ds-0123456789ab --classifier lightgbm --search tpe --trials 40 \\",
        "    --grid num_leaves=4..32:log --grid learning_rate=0.005..0.1:log --grid early_stopping_rounds=50",
        "counterfoil train start --dataset ds-0123456789ab --classifier lightgbm \\",
        "    --fn-cost 0.6:AMT_CREDIT --fp-cost 0.1:AMT_CREDIT",
    )
)
@click.option("--dataset", required=True, metavar="DATASET", help="The data set to train on.")
@click.option("--classifier", required=True, metavar="ID", help="See `counterfoil train classifiers`.")
@click.option(
    "--grid",
    multiple=True,
    metavar="NAME=V[,V...]|MIN..MAX[:log][:STEPS]",
    help="What to try; give it once a hyper-parameter. STEPS with --search grid alone.",
)
@search_options
@click.option(
    "--folds",
    type=click.IntRange(2, 20),
    default=5,
    show_default=True,
    metavar="N",
    help="Folds of the cross-validation.",
)
@click.option(
    "--repeats", type=click.IntRange(1, 10), default=1, show_default=True, metavar="N", help="Repeats with other folds."
)
@click.option("--seed", type=SEED, default=0, show_default=True, metavar="N", help="Seed of folds and classifier.")
@click.option(
    "--fn-cost",
    metavar="COST",
    help="Cost of approving a default: a number, or FACTOR:COLUMN for a share of a column's value.  [default: 10]",
)
@click.option("--fp-cost", metavar="COST", help="Cost of refusing a good applicant, likewise.  [default: 1]")
@click.option(
    "--imbalance",
    type=click.Choice(list(_IMBALANCES)),
    default="class-weights",
    show_default=True,
    help="What is done about defaults being rare.",
)
@click.option(
    "--preprocessing",
    type=click.Choice(list(_PREPROCESSINGS)),
    help="What is done to the columns first.  [default: the classifier's own]",
)
@click.option(
    "--calibration",
    type=click.Choice(list(_CALIBRATIONS)),
    default="auto",
    show_default=True,
    help="How margins become probabilities; auto takes what fits applicants better that it has not seen.",
)
@click.option(
    "--model", default=DEFAULT_MODEL, show_default=True, metavar="MODEL", help="What it becomes a version of."
)
@request_id_option
@wait_option
@json_option
@pass_session
def start(
    session: Session,
    /,
    *,
    dataset: str,
    grid: tuple[str, ...],
    fn_cost: str | None,
    fp_cost: str | None,
    imbalance: str,
    calibration: str,
    preprocessing: str | None,
    wait: bool,
    **plain: Any,
) -> None:
    """Start a training job and follow it until a model version is registered."""
    # What is left has the request's own names: classifier, folds, repeats, seed, model, request_id.
    request = training_pb2.CreateTrainingJobRequest(
        dataset=dataset_name(dataset),
        grid=parse_grid(grid),
        costs=parse_costs(fn_cost, fp_cost),
        imbalance=_IMBALANCES[imbalance],
        calibration=_CALIBRATIONS[calibration],
        search=search_of(plain),
        preprocessing=_PREPROCESSINGS[preprocessing] if preprocessing else training_pb2.PREPROCESSING_UNSPECIFIED,
        **plain,
    )
    with trainer_calls(session) as trainer:
        job = trainer.CreateTrainingJob(request)
        say(f"{job.name} is under way")
        if wait:
            job = _wait(trainer, job.name)
        _show(trainer, job)
    check_ended_well(job.name, job.job)


@train.command()
@click.argument("name", metavar="JOB")
@json_option
@pass_session
def watch(session: Session, /, name: str) -> None:
    """Follow training JOB until it ends; exit code 3 if it ends badly."""
    with trainer_calls(session) as trainer:
        job = _wait(trainer, training_job_name(name))
        _show(trainer, job)
    check_ended_well(job.name, job.job)


@train.command()
@click.argument("name", metavar="JOB")
@json_option
@pass_session
def get(session: Session, /, name: str) -> None:
    """Show training JOB: its trials, and its metrics beside the dummy's."""
    with trainer_calls(session) as trainer:
        _show(trainer, trainer.GetTrainingJob(training_pb2.GetTrainingJobRequest(name=training_job_name(name))))


@train.command("list")
@click.option("--dataset", default="", metavar="DATASET", help="Only jobs of this data set.")
@page_options
@json_option
@pass_session
def list_(session: Session, /, *, dataset: str, page_size: int, page_token: str) -> None:
    """List training jobs, newest first."""
    request = training_pb2.ListTrainingJobsRequest(
        page_size=page_size, page_token=page_token, dataset=dataset_name(dataset) if dataset else ""
    )
    with trainer_calls(session) as trainer:
        page = trainer.ListTrainingJobs(request)
    show(page, lambda found: training_job_list_view(found.training_jobs))
    if page.next_page_token:
        say(f"there are more: --page-token {page.next_page_token}")


@train.command()
@click.argument("name", metavar="JOB")
@json_option
@pass_session
def cancel(session: Session, /, name: str) -> None:
    """Stop training JOB; one that has ended stays as it is."""
    request = training_pb2.CancelTrainingJobRequest(name=training_job_name(name))
    with trainer_calls(session) as trainer:
        _show(trainer, trainer.CancelTrainingJob(request))


@train.command()
@json_option
@pass_session
def classifiers(session: Session, /) -> None:
    """List the classifiers and the hyper-parameters that --grid takes."""
    with trainer_calls(session) as trainer:
        found = trainer.ListClassifiers(training_pb2.ListClassifiersRequest())
    show(found, lambda reply: classifiers_view(reply.classifiers))


def _wait(trainer: TrainerServiceStub, name: str) -> training_pb2.TrainingJob:
    news = wait_for(
        name,
        lambda: trainer.WatchTrainingJob(training_pb2.WatchTrainingJobRequest(name=name)),
        job=lambda each: each.training_job.job,
        later=f"counterfoil train watch {name}",
    )
    return news.training_job


def _show(trainer: TrainerServiceStub, job: training_pb2.TrainingJob) -> None:
    baseline = {}
    if job.metrics and not json_wanted():
        baseline = dict(trainer.GetDataset(dataset_pb2.GetDatasetRequest(name=job.dataset)).baseline_metrics)
    show(job, lambda each: training_job_view(each, baseline))
