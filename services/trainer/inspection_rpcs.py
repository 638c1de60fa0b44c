"""The rpcs of TrainerService that look at data."""

from dataclasses import dataclass

import grpc

from counterfoil.trainer.v1 import inspection_pb2
from counterfoil.trainer.v1.trainer_pb2_grpc import TrainerServiceServicer
from services.trainer import inspection_messages as messages
from services.trainer.inspection import Inspector


@dataclass(frozen=True)
class InspectionRpcs(TrainerServiceServicer):
    """Answers from raw tables and from the splits of data sets."""

    inspector: Inspector

    def ListTables(
        self, request: inspection_pb2.ListTablesRequest, context: grpc.ServicerContext
    ) -> inspection_pb2.ListTablesResponse:
        """Return the tables of a folder."""
        return messages.tables_to_proto(*self.inspector.tables(request.directory))

    def SampleTable(
        self, request: inspection_pb2.SampleTableRequest, context: grpc.ServicerContext
    ) -> inspection_pb2.SampleTableResponse:
        """Return rows of a table."""
        query = messages.sample_from_proto(request)
        return messages.table_sample_to_proto(self.inspector.sample_table(request.table, query))

    def DescribeColumn(
        self, request: inspection_pb2.DescribeColumnRequest, context: grpc.ServicerContext
    ) -> inspection_pb2.DescribeColumnResponse:
        """Return what a column of a table or split holds."""
        return messages.description_to_proto(*self.inspector.describe(messages.description_from_proto(request)))

    def ListCorrelations(
        self, request: inspection_pb2.ListCorrelationsRequest, context: grpc.ServicerContext
    ) -> inspection_pb2.ListCorrelationsResponse:
        """Return the strongest correlations of a table or split."""
        return messages.correlations_to_proto(self.inspector.correlate(messages.correlations_from_proto(request)))

    def SampleDataset(
        self, request: inspection_pb2.SampleDatasetRequest, context: grpc.ServicerContext
    ) -> inspection_pb2.SampleDatasetResponse:
        """Return applicants of a split."""
        query = messages.sample_from_proto(request)
        return messages.split_sample_to_proto(self.inspector.sample_split(messages.split_of(request), query))

    def PreviewCleaning(
        self, request: inspection_pb2.PreviewCleaningRequest, context: grpc.ServicerContext
    ) -> inspection_pb2.PreviewCleaningResponse:
        """Return what cleaning options would do to the columns of a data set, or of one that tables would make."""
        if request.WhichOneof("source") in messages.RAW_SOURCES:
            record, used = self.inspector.preview_plan(messages.previewed_plan_from_proto(request))
        else:
            record, used = self.inspector.preview(messages.preview_from_proto(request))
        return messages.preview_to_proto(record, used, request.view)
