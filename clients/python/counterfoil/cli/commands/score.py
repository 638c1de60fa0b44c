"""`counterfoil score`: decisions with reasons."""

from pathlib import Path
from typing import IO, Any

import click

from counterfoil.cli.applicants import features_json, read_application, read_features, read_ids
from counterfoil.cli.commands.score_dataset import dataset
from counterfoil.cli.failures import CommandFailed
from counterfoil.cli.files import write_file
from counterfoil.cli.names import applicant_name
from counterfoil.cli.options import examples, request_id_option
from counterfoil.cli.output import json_option, json_wanted, say, show
from counterfoil.cli.scoring_options import PURPOSES, model_option, purpose_option
from counterfoil.cli.session import Session, pass_session, scorer_calls
from counterfoil.cli.views.scores import applicant_view, batch_view, score_view, serving_model_view, serving_models_view
from counterfoil.scorer.v1 import scorer_pb2


@click.group()
def score() -> None:
    """Ask for probabilities of default, decisions and their exact reasons.

    Every answer is in the prediction log before it is given.
    """


score.add_command(dataset)


@score.command(
    epilog=examples(
        "counterfoil score one --applicant 100001 --purpose test",
        "counterfoil score applicant 100001 --output applicant.json",
        "counterfoil score one --features applicant.json --purpose what-if",
    )
)
@click.option("--applicant", "applicant_id", metavar="ID", help="An applicant of the served model's data set.")
@click.option(
    "--features", "file", type=click.File(), metavar="FILE", help="JSON object: feature to number, text or null."
)
@click.option(
    "--raw",
    "raw_file",
    type=click.File(),
    metavar="FILE",
    help="JSON form of counterfoil.homecredit.v1.LoanApplication: an application and its history.",
)
@purpose_option
@click.option("--application-number", default="", metavar="TEXT", help="The lender's own number, for the log.")
@click.option("--as-of", "as_of_date", default="", metavar="YYYY-MM-DD", help="Date that the facts hold for.")
@click.option("--reasons", type=click.IntRange(0), default=10, show_default=True, metavar="N", help="Most to show.")
@model_option
@request_id_option
@json_option
@pass_session
def one(
    session: Session,
    /,
    *,
    applicant_id: str | None,
    file: IO[str] | None,
    raw_file: IO[str] | None,
    purpose: str,
    reasons: int,
    model: str,
    request_id: str,
    **plain: Any,
) -> None:
    """Score one applicant, by identifier, by named features or by raw rows (- reads them from standard input)."""
    if sum(given is not None for given in (applicant_id, file, raw_file)) != 1:
        raise click.UsageError("give one of --applicant, --features and --raw")
    features = read_features(file) if file is not None else None
    raw = read_application(raw_file) if raw_file is not None else None
    # What is left has the subject's own names: application_number, as_of_date.
    subject = scorer_pb2.Subject(features=features, raw=raw, **plain)
    if applicant_id is not None:
        subject.applicant_id = applicant_id
    request = scorer_pb2.ScoreRequest(request_id=request_id, model=model, purpose=PURPOSES[purpose], subject=subject)
    with scorer_calls(session) as scorer:
        answer = scorer.Score(request)
    show(answer, lambda each: score_view(each, reasons=reasons))


@score.command(
    epilog=examples(
        "counterfoil score batch --applicants 100001,100005 --purpose test",
        "counterfoil tables applicants demo-data/first --first 200 > ids.txt",
        "counterfoil score batch --file ids.txt --purpose decision --json > answers.json",
    )
)
@click.option("--applicants", metavar="ID,ID", help="Identifiers, separated by commas.")
@click.option("--file", type=click.File(), metavar="FILE", help="Identifiers, one a line; - reads standard input.")
@purpose_option
@model_option
@request_id_option
@json_option
@pass_session
def batch(
    session: Session,
    /,
    *,
    applicants: str | None,
    file: IO[str] | None,
    purpose: str,
    model: str,
    request_id: str,
) -> None:
    """Score up to 1,000 applicants by identifier; exit code 1 when any of them could not be scored."""
    if (applicants is None) == (file is None):
        raise click.UsageError("give either --applicants or --file")
    ids = read_ids(file if file is not None else (applicants or "").split(","))
    request = scorer_pb2.BatchScoreRequest(
        request_id=request_id,
        model=model,
        purpose=PURPOSES[purpose],
        subjects=[scorer_pb2.Subject(applicant_id=each) for each in ids],
    )
    with scorer_calls(session) as scorer:
        reply = scorer.BatchScore(request)
    show(reply, lambda each: batch_view(ids, each))
    _check_all_scored(reply)


@score.command(epilog=examples("counterfoil score applicant 100001 --output applicant.json"))
@click.argument("applicant_id", metavar="ID")
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write the features instead, as JSON that `score one --features` takes.",
)
@model_option
@json_option
@pass_session
def applicant(session: Session, /, applicant_id: str, *, output: Path | None, model: str) -> None:
    """Show the features of applicant ID that the served model reads."""
    request = scorer_pb2.GetApplicantRequest(name=applicant_name(applicant_id), model=model)
    with scorer_calls(session) as scorer:
        found = scorer.GetApplicant(request)
    if output is not None:
        write_file(output, [features_json(found.features).encode()])
        say(f"wrote {output}")
    if output is None or json_wanted():
        show(found, applicant_view)


@score.command("model")
@model_option
@json_option
@pass_session
def model_(session: Session, /, *, model: str) -> None:
    """Show which model version is served."""
    with scorer_calls(session) as scorer:
        served = scorer.GetServingModel(scorer_pb2.GetServingModelRequest(model=model))
    show(served, serving_model_view)


@score.command("models")
@json_option
@pass_session
def models(session: Session, /) -> None:
    """List every version that is served: the champion, and a challenger beside it."""
    with scorer_calls(session) as scorer:
        served = scorer.ListServingModels(scorer_pb2.ListServingModelsRequest())
    show(served, serving_models_view)


@score.command("reload")
@model_option
@json_option
@pass_session
def reload_(session: Session, /, *, model: str) -> None:
    """Serve what the champion alias points to now; the old version serves until the new one is verified."""
    with scorer_calls(session) as scorer:
        served = scorer.ReloadModel(scorer_pb2.ReloadModelRequest(model=model))
    show(served, serving_model_view)


def _check_all_scored(reply: scorer_pb2.BatchScoreResponse) -> None:
    failed = sum(result.HasField("status") for result in reply.results)
    if failed:
        raise CommandFailed(f"{failed} of {len(reply.results)} applicants were not scored", reason="ROWS_NOT_SCORED")
