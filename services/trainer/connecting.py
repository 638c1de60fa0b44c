"""How a job reaches MLflow: patiently, and saying so in its stage."""

from services.trainer.adapters.patience import Patience
from services.trainer.adapters.tracking import Tracking, open_tracking
from services.trainer.settings import Settings
from shared.jobs.child import JobContext


def connect_tracking(settings: Settings, context: JobContext) -> Tracking:
    """Return the MLflow that the settings name, for which the job waits as long as they say."""
    # What has been done is kept by the store; only the stage tells of the wait.
    patience = Patience(settings.mlflow_patience_s, lambda stage: context.report(0.0, stage))
    return open_tracking(settings.mlflow_uri, settings.mlflow_artifacts, patience)
