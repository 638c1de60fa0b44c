"""Sources of data sets between messages and the domain."""

from counterfoil.trainer.v1 import dataset_pb2
from services.trainer.domain.sources import Bounds, HomeCreditTables, PreparedTable, Source
from shared.errors import InvalidInput


def source_from_proto(request: dataset_pb2.CreateDatasetRequest) -> Source:
    """Return where the rows come from; raises InvalidInput where nothing says so."""
    match request.WhichOneof("source"):
        case "home_credit":
            return HomeCreditTables(request.home_credit.directory)
        case "prepared":
            return _prepared_from_proto(request.prepared)
        case None:
            raise InvalidInput.of("source", "name where the rows come from: set home_credit or prepared")


def source_to_proto(source: Source) -> dataset_pb2.Dataset:
    """Return a data set of which nothing but the source is set."""
    if isinstance(source, HomeCreditTables):
        return dataset_pb2.Dataset(home_credit=dataset_pb2.HomeCreditTables(directory=source.directory))
    return dataset_pb2.Dataset(
        prepared=dataset_pb2.PreparedTable(
            path=source.path,
            id_column=source.id_column,
            target_column=source.target_column,
            positive=source.positive,
            reason_texts=source.reason_texts,
            bounds={
                column: dataset_pb2.ValueBounds(minimum=bounds.minimum, maximum=bounds.maximum)
                for column, bounds in source.bounds.items()
            },
        )
    )


def _prepared_from_proto(message: dataset_pb2.PreparedTable) -> PreparedTable:
    return PreparedTable(
        path=message.path,
        id_column=message.id_column,
        target_column=message.target_column,
        positive=message.positive,
        reason_texts=dict(message.reason_texts),
        bounds={column: _bounds_from_proto(bounds) for column, bounds in message.bounds.items()},
    )


def _bounds_from_proto(message: dataset_pb2.ValueBounds) -> Bounds:
    return Bounds(
        minimum=message.minimum if message.HasField("minimum") else None,
        maximum=message.maximum if message.HasField("maximum") else None,
    )
