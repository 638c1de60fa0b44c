"""`counterfoil score dataset`: a split of the served model's data set, scored where it lies."""

import csv
import io
import struct
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click

from counterfoil.cli.files import write_file
from counterfoil.cli.jobs import Report, progress_of
from counterfoil.cli.options import examples
from counterfoil.cli.output import console, json_option, json_wanted, say, show_json
from counterfoil.cli.scoring_options import PURPOSES, model_option, purpose_option
from counterfoil.cli.session import Session, pass_session, scorer_calls
from counterfoil.cli.views.scores import dataset_view, decision_word
from counterfoil.scorer.v1 import stream_pb2
from counterfoil.types.v1 import explanation_pb2, prediction_pb2

_COLUMNS: Final = ("applicant_id", "probability", "margin", "decision", "prediction")


@click.command(
    "dataset",
    epilog=examples(
        "counterfoil score dataset --split production --purpose test",
        "counterfoil score dataset --split test --sample 1000 --seed 7 --purpose test --output scores.csv",
    ),
)
@click.option("--split", required=True, type=click.Choice(["train", "test", "production"]), help="Whom to score.")
@click.option("--sample", type=click.IntRange(1), metavar="N", help="So many of them, drawn at random.  [default: all]")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of the draw.")
@purpose_option
@model_option
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Write a CSV as well.")
@json_option
@pass_session
def dataset(
    session: Session,
    /,
    *,
    split: str,
    sample: int | None,
    seed: int,
    purpose: str,
    model: str,
    output: Path | None,
) -> None:
    """Score a split of the served model's data set, or a sample of it, and count the decisions.

    Every answer is in the prediction log, a chunk of applicants as one record.
    """
    request = stream_pb2.ScoreDatasetRequest(
        model=model,
        purpose=PURPOSES[purpose],
        split=split,
        sample_rows=sample or 0,
        sample_seed=seed,
        explain=explanation_pb2.EXPLAIN_NONE,
    )
    counts: Counter[str] = Counter()
    with scorer_calls(session) as scorer, progress_of("scoring") as report:
        chunks = _counted((reply.chunk for reply in scorer.ScoreDataset(request)), counts, report)
        if output is None:
            for _ in chunks:
                pass
        else:
            write_file(output, _csv(chunks))
            say(f"wrote {output}")
    if json_wanted():
        show_json({"applicants": counts.total(), "decisions": dict(counts)})
    else:
        console().print(dataset_view(counts))


def _counted(
    chunks: Iterator[stream_pb2.ScoredChunk], counts: "Counter[str]", report: Report
) -> Iterator[stream_pb2.ScoredChunk]:
    """Yield the chunks, and count their decisions on the way; 0 is a row that was not scored."""
    for chunk in chunks:
        counts.update(_decision(number) for number in chunk.decisions)
        report(0.0, f"{counts.total():,} applicants")
        yield chunk


def _csv(chunks: Iterator[stream_pb2.ScoredChunk]) -> Iterator[bytes]:
    """Yield the lines of a CSV file, one for each applicant; probability and margin are empty where one was refused."""
    yield _lines([_COLUMNS])
    for chunk in chunks:
        refused = {refusal.row for refusal in chunk.refusals}
        columns = zip(
            chunk.applicant_ids, _doubles(chunk.probabilities), _doubles(chunk.margins), chunk.decisions, strict=True
        )
        yield _lines(
            (applicant, "", "", _decision(decision), "")
            if row in refused
            else (applicant, repr(probability), repr(margin), _decision(decision), f"{chunk.prediction}.{row}")
            for row, (applicant, probability, margin, decision) in enumerate(columns)
        )


def _lines(rows: "list[tuple[str, ...]] | Iterator[tuple[str, ...]]") -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


def _doubles(content: bytes) -> Iterator[float]:
    return (value for (value,) in struct.iter_unpack("<d", content))


def _decision(number: int) -> str:
    return decision_word(prediction_pb2.Decision.ValueType(number)) if number else "not scored"
