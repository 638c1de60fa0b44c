"""The projections: one Delta table per model version with named feature columns, derived from the ledger."""

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake

from services.monitor.adapters.durability import make_folder, sync_commit
from services.monitor.adapters.projection_rows import COMMIT_COLUMN
from services.monitor.domain.model import split_name

# Figures of hundreds of features a file would make every reader parse them all.
_CONFIGURATION = {"delta.dataSkippingStatsColumns": "instance,sequence"}


class Projections:
    """The tables in a local folder; appending the same commits of the ledger again changes nothing."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._tables: dict[Path, DeltaTable] = {}

    def append(self, model_version: str, rows: pa.Table, commit: int) -> pa.Table:
        """Add the rows of a model version that the ledger holds up to `commit` and return those it did not have."""
        if not rows.num_rows:
            return rows
        folder = projection_folder(self._folder, model_version)
        return self._append(folder, rows, Transaction("ledger", commit), ["day"])

    def set_apart(self, model_version: str, rows: pa.Table, commit: int) -> None:
        """Add rows that fit no projection to the table `set_apart`, once as well."""
        if rows.num_rows:
            self._append(self._folder / "set_apart", rows, Transaction(f"ledger/{model_version}", commit), None)

    def _append(
        self, folder: Path, rows: pa.Table, transaction: Transaction, partition_by: list[str] | None
    ) -> pa.Table:
        table = self._open(folder, rows.schema, partition_by)
        done = table.transaction_version(transaction.app_id)
        if done is not None:
            rows = rows.filter(pc.greater(rows[COMMIT_COLUMN], done))
        if not rows.num_rows:
            return rows
        properties = CommitProperties(app_transactions=[transaction])
        write_deltalake(table, rows.drop_columns([COMMIT_COLUMN]), mode="append", commit_properties=properties)
        sync_commit(folder, table.version())
        return rows

    def _open(self, folder: Path, schema: pa.Schema, partition_by: list[str] | None) -> DeltaTable:
        if folder not in self._tables:
            if not DeltaTable.is_deltatable(str(folder)):
                make_folder(folder)
                stored = schema.remove(schema.get_field_index(COMMIT_COLUMN))
                DeltaTable.create(folder, stored, partition_by=partition_by, configuration=_CONFIGURATION)
                sync_commit(folder, 0)
            self._tables[folder] = DeltaTable(folder)
        table = self._tables[folder]
        table.update_incremental()
        return table


def projection_folder(folder: Path, model_version: str) -> Path:
    """Return where the projection of models/{model}/versions/{n} lies; raises InvalidInput for another name."""
    model, version = split_name(model_version, field="model_version")
    return folder / model / version
