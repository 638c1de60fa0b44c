"""The messages of VerifyLog to the monitor's words and back, and the field paths of what is invalid."""

from collections.abc import Sequence

from counterfoil.monitor.v1 import verification_pb2
from services.monitor.adapters.ledger_proof import LogRange
from services.monitor.domain.proof import Fault, FaultKind, Receipt
from services.monitor.proving import Progress, Verdict
from shared.errors import InvalidInput
from shared.prediction_record.chain import HASH_BYTES
from shared.rpc.times import moment_of

MAX_RECEIPTS = 10_000
_LARGEST_NUMBER = 2**63 - 1


def range_from_proto(request: verification_pb2.VerifyLogRequest) -> LogRange:
    """Return the range that a request names; raises InvalidInput if it is none."""
    wanted = LogRange(
        instance=request.instance,
        first_number=_number(request, "first_number"),
        last_number=_number(request, "last_number"),
        start_time=moment_of(request.start_time, "start_time") if request.HasField("start_time") else None,
        end_time=moment_of(request.end_time, "end_time") if request.HasField("end_time") else None,
    )
    if wanted.first_number and wanted.last_number and wanted.first_number > wanted.last_number:
        raise InvalidInput.of("last_number", "is below first_number")
    if wanted.start_time and wanted.end_time and wanted.start_time >= wanted.end_time:
        raise InvalidInput.of("end_time", "is not after start_time")
    return wanted


def receipts_from_proto(request: verification_pb2.VerifyLogRequest) -> Sequence[Receipt]:
    """Return the receipts of a request; raises InvalidInput that names the first one that can be none."""
    if len(request.receipts) > MAX_RECEIPTS:
        raise InvalidInput.of("receipts", f"has {len(request.receipts)} elements; at most {MAX_RECEIPTS} are checked")
    for position, receipt in enumerate(request.receipts):
        if not receipt.instance:
            raise InvalidInput.of(f"receipts[{position}].instance", "is empty")
        if not 0 < receipt.sequence <= _LARGEST_NUMBER:
            raise InvalidInput.of(f"receipts[{position}].sequence", "is not from 1 to 2^63 - 1")
        if len(receipt.hash) != HASH_BYTES:
            raise InvalidInput.of(f"receipts[{position}].hash", f"is not {HASH_BYTES} bytes long")
    return [Receipt(receipt.instance, receipt.sequence, receipt.hash) for receipt in request.receipts]


def news_to_proto(news: Progress | Verdict) -> verification_pb2.VerifyLogResponse:
    """Return one message of the stream."""
    if isinstance(news, Progress):
        progress = verification_pb2.LogProgress(files=news.files, total_files=news.total_files, records=news.records)
        return verification_pb2.VerifyLogResponse(progress=progress)
    verdict = verification_pb2.LogVerdict(
        intact=news.fault is None,
        fault=_fault_to_proto(news.fault) if news.fault else None,
        instances=news.instances,
        segments=news.segments,
        records=news.records,
        erased_records=news.erased,
        files=news.files,
        receipts=news.receipts,
    )
    return verification_pb2.VerifyLogResponse(verdict=verdict)


def _fault_to_proto(fault: Fault) -> verification_pb2.LogFault:
    return verification_pb2.LogFault(
        kind=_KINDS[fault.kind],
        instance=fault.instance,
        number=fault.number,
        sequence=fault.sequence,
        file=fault.file,
        problem=fault.problem,
    )


def _number(request: verification_pb2.VerifyLogRequest, field: str) -> int | None:
    if not request.HasField(field):  # type: ignore[arg-type]  # one of two names
        return None
    number = int(getattr(request, field))
    if not request.instance:
        raise InvalidInput.of(field, "needs `instance`: each instance numbers its segments by itself")
    if not 0 < number <= _LARGEST_NUMBER:
        raise InvalidInput.of(field, "is not from 1 to 2^63 - 1")
    return number


_KINDS = {kind: verification_pb2.LogFaultKind.Value(f"LOG_FAULT_KIND_{kind}") for kind in FaultKind}
