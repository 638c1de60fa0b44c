"""Which predictions the projections hold, looked up by identifier or applicant for many at once."""

from collections.abc import Collection, Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from services.monitor.adapters.locations import Location, open_table, tables_below
from services.monitor.adapters.projections import projection_folder
from services.monitor.domain.model import join_name
from services.monitor.domain.outcome import Logged
from services.monitor.domain.prediction import PredictionName

_COLUMNS = ("prediction_id", "create_time", "purpose", "applicant_id", "as_of_date")


class LoggedPredictions:
    """Looks predictions up in a folder of projections; a look reads a few columns of whole tables, batch by batch."""

    def __init__(self, folder: Location) -> None:
        self._folder = folder

    def model_versions(self) -> list[str]:
        """Return the model versions that have a projection, models/{model}/versions/{n}."""
        return [join_name(*names) for names in tables_below(self._folder)]

    def by_id(self, model_version: str, ids: Collection[str]) -> list[Logged]:
        """Return those predictions of a model version that have one of the identifiers."""
        return list(self._found(model_version, pc.field("prediction_id").isin(_texts(ids))))

    def by_applicant(self, model_version: str, applicant_ids: Collection[str]) -> list[Logged]:
        """Return the predictions of a model version about the applicants; none that was erased."""
        return list(self._found(model_version, pc.field("applicant_id").isin(_texts(applicant_ids))))

    def _found(self, model_version: str, wanted: Any) -> Iterator[Logged]:
        folder = projection_folder(self._folder, model_version)
        table = open_table(folder)
        if table is None:
            return
        dataset = table.to_pyarrow_dataset()
        for batch in dataset.to_batches(columns=list(_COLUMNS), filter=wanted):
            for row in batch.to_pylist():
                name = PredictionName(model_version, row["prediction_id"])
                yield Logged(name, row["create_time"], row["purpose"], row["applicant_id"], row["as_of_date"])


def _texts(values: Collection[str]) -> pa.Array:
    return pa.array(sorted(values), pa.string())
