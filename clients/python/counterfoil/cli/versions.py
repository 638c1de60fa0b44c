"""Model versions by number, where a service knows no alias."""

from counterfoil.cli.names import model_version_name
from counterfoil.cli.session import Session, trainer_calls
from counterfoil.trainer.v1 import training_pb2


def numbered_version(session: Session, version: str) -> str:
    """Return models/{model}/versions/{n} of what was typed; an alias is looked up with the trainer."""
    name = model_version_name(version)
    if name.rpartition("/")[2].isdecimal():
        return name
    with trainer_calls(session) as trainer:
        return trainer.GetModelVersion(training_pb2.GetModelVersionRequest(name=name)).name
