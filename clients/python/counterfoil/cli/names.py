"""Resource names out of what people type: `ds-1` for datasets/ds-1, `credit-default/2` for its second version."""

from typing import Final

import click

DEFAULT_MODEL: Final = "credit-default"
CHAMPION: Final = "champion"


def dataset_name(text: str) -> str:
    """Return datasets/{id}."""
    return _within("datasets", text)


def training_job_name(text: str) -> str:
    """Return trainingJobs/{id}."""
    return _within("trainingJobs", text)


def drift_report_name(text: str) -> str:
    """Return driftReports/{id}."""
    return _within("driftReports", text)


def alert_name(text: str) -> str:
    """Return alerts/{id}."""
    return _within("alerts", text)


def retrain_proposal_name(text: str) -> str:
    """Return retrainProposals/{id}."""
    return _within("retrainProposals", text)


def applicant_name(text: str) -> str:
    """Return applicants/{id}."""
    return _within("applicants", text)


def model_name(text: str) -> str:
    """Return models/{model}."""
    return _within("models", text)


def model_version_name(text: str) -> str:
    """Return models/{model}/versions/{n or alias}.

    Taken are the full name, `{model}/versions/{n}`, `{model}/{n}`, `{model}` (its champion) and `{n}` (of
    credit-default). Raises click.BadParameter for anything else.
    """
    parts = [part for part in text.removeprefix("models/").split("/") if part != "versions"]
    if len(parts) == 1 and parts[0].isdecimal():
        parts = [DEFAULT_MODEL, *parts]
    elif len(parts) == 1:
        parts = [*parts, CHAMPION]
    if len(parts) != 2 or not all(parts):  # noqa: PLR2004  # model and version
        raise click.BadParameter(f"{text!r} is no model version; write models/MODEL/versions/N")
    return f"models/{parts[0]}/versions/{parts[1]}"


def prediction_name(text: str) -> str:
    """Return models/{model}/versions/{n}/predictions/{id}.

    Taken are the full name and `{model}/{n}/{id}`. Raises click.BadParameter for anything else.
    """
    parts = [part for part in text.removeprefix("models/").split("/") if part not in {"versions", "predictions"}]
    if len(parts) != 3 or not all(parts):  # noqa: PLR2004  # model, version and identifier
        raise click.BadParameter(f"{text!r} is no prediction; write models/MODEL/versions/N/predictions/ID")
    return f"models/{parts[0]}/versions/{parts[1]}/predictions/{parts[2]}"


def lineage_name(text: str) -> str:
    """Return datasets/{id} for `ds-…` or the full name, else the name of a model version."""
    return dataset_name(text) if text.startswith(("datasets/", "ds-")) else model_version_name(text)


def _within(collection: str, text: str) -> str:
    return text if text.startswith(f"{collection}/") else f"{collection}/{text}"
