"""Errors as statuses: they always fit the trailers, and say what they can within that."""

from base64 import b64encode
from urllib.parse import quote_from_bytes

from google.rpc import code_pb2, error_details_pb2, status_pb2
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import FieldViolation, InvalidInput, NotFound
from shared.rpc.statuses import internal_status, to_status

# What clients accept of all trailers together, less what gRPC itself sends beside ours.
TRAILERS_BYTES = 8192 - 300

texts = st.text(st.characters(codec="utf-8"), max_size=3000)
violations = st.lists(st.builds(FieldViolation, texts, texts), min_size=1, max_size=30)
metadata = st.dictionaries(texts, texts, max_size=20)


def trailers_bytes(status: status_pb2.Status) -> int:
    """Return what the status takes in the trailers: its message percent-encoded, all of it in base64."""
    encoded = quote_from_bytes(status.message.encode(), safe=" !\"#$&'()*+,/:;<=>?@[\\]^`{|}~")
    return len(encoded) + len(b64encode(status.SerializeToString()))


def info_of(status: status_pb2.Status) -> error_details_pb2.ErrorInfo:
    """Return the ErrorInfo, which is always the first detail."""
    info = error_details_pb2.ErrorInfo()
    assert status.details[0].Unpack(info)
    return info


@given(violations, metadata)
def test_a_status_always_fits_the_trailers(violations: list[FieldViolation], metadata: dict[str, str]) -> None:
    """Whatever a request held, the client gets our status and not gRPC's complaint about its size."""
    status = to_status(InvalidInput(violations, metadata=metadata))

    assert trailers_bytes(status) <= TRAILERS_BYTES
    assert status.code == code_pb2.INVALID_ARGUMENT
    assert info_of(status).reason == "INVALID_FIELD"


def test_a_short_error_is_told_in_full() -> None:
    """Domain, reason, sentence and metadata are as they were raised."""
    status = to_status(NotFound("no model credit", reason="MODEL_NOT_FOUND", metadata={"model": "credit"}))

    assert (status.code, status.message) == (code_pb2.NOT_FOUND, "no model credit")
    assert info_of(status) == error_details_pb2.ErrorInfo(
        domain="counterfoil", reason="MODEL_NOT_FOUND", metadata={"model": "credit"}
    )


def test_a_long_sentence_is_cut_between_characters() -> None:
    """The cut never leaves half a character, and shows."""
    status = to_status(NotFound("ж" * 5000, reason="NOT_THERE"))

    assert status.message == "ж" * 498 + "…"


def test_only_invalid_input_carries_a_bad_request() -> None:
    """Its violations follow the ErrorInfo."""
    plain = to_status(NotFound("no", reason="NOT_THERE"))
    invalid = to_status(InvalidInput.of("purpose", "is required"))

    bad_request = error_details_pb2.BadRequest()
    assert len(plain.details) == 1
    assert invalid.details[1].Unpack(bad_request)
    assert [(each.field, each.description) for each in bad_request.field_violations] == [("purpose", "is required")]


def test_the_internal_status_is_always_the_same() -> None:
    """It has the reason INTERNAL and a sentence for the operator."""
    status = internal_status()

    assert status.code == code_pb2.INTERNAL
    assert info_of(status).reason == "INTERNAL"
    assert "log" in status.message
