"""Raw forms of messages: the same bytes on the wire, whoever writes and whoever reads."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from counterfoil.types.v1 import feature_pb2, prediction_pb2
from shared.wire import field_at, field_head, raw_form

RAW_PERSONAL = raw_form(prediction_pb2.PersonalPart, "values")
RAW_VECTOR = raw_form(feature_pb2.DenseVector, "values")


@given(st.text(max_size=5), st.lists(st.floats(), max_size=20))
def test_what_is_written_raw_is_what_is_written_number_by_number(request_id: str, numbers: list[float]) -> None:
    """To the byte, before and after the field, and without it where there is nothing in it."""
    raw = RAW_PERSONAL(applicant_id="1", values=np.array(numbers, dtype=np.float64).tobytes(), request_id=request_id)
    plain = prediction_pb2.PersonalPart(applicant_id="1", values=numbers, request_id=request_id)

    assert raw.SerializeToString(deterministic=True) == plain.SerializeToString(deterministic=True)


@given(st.text(max_size=5), st.lists(st.floats(), max_size=20))
def test_what_was_written_number_by_number_is_read_raw(digest: str, numbers: list[float]) -> None:
    """The bytes are the numbers' memory."""
    plain = feature_pb2.DenseVector(schema_digest=digest, values=numbers)

    raw = RAW_VECTOR.FromString(plain.SerializeToString())

    assert raw.schema_digest == digest
    assert_array_equal(np.frombuffer(raw.values), np.array(numbers, dtype=np.float64))


def test_a_raw_message_is_the_encoded_one() -> None:
    """An embedded message can be given as its bytes."""
    decision = prediction_pb2.DecisionPart(prediction_id="p")
    decision.create_time.FromSeconds(7)
    raw = raw_form(prediction_pb2.DecisionPart, "create_time")

    written = raw(prediction_id="p", create_time=decision.create_time.SerializeToString()).SerializeToString()

    assert prediction_pb2.DecisionPart.FromString(written) == decision


@pytest.mark.parametrize("field", ["prediction_id", "probability", "principal_reason_codes"])
def test_a_field_without_a_length_of_its_own_has_no_raw_form(field: str) -> None:
    """Single numbers, texts and lists of texts are encoded otherwise."""
    with pytest.raises(ValueError, match=field):
        raw_form(prediction_pb2.DecisionPart, field)


@pytest.mark.parametrize("size", [1, 127, 128, 16_383, 16_384, 3 << 20])
def test_a_field_put_together_by_hand_is_what_protobuf_writes(size: int) -> None:
    """For every length of the varint."""
    subjects = prediction_pb2.ChunkSubjects(values=b"x" * size)

    written = field_head(prediction_pb2.ChunkSubjects.VALUES_FIELD_NUMBER, size) + b"x" * size

    assert written == subjects.SerializeToString()


@pytest.mark.parametrize("size", [0, 1, 127, 128, 16_383, 16_384, 3 << 20])
@pytest.mark.parametrize("before", [b"", b"12"])
def test_a_field_is_found_where_it_begins(size: int, before: bytes) -> None:
    """What stands behind it makes no difference; where it does not begin there is none."""
    content = before + field_head(20, size) + b"x" * size + b"behind"

    place = field_at(content, len(before), 20)

    assert place is not None
    assert (content[place], content[place.stop :]) == (b"x" * size, b"behind")
    assert field_at(content, len(before), 4) is None
    assert field_at(content, len(before) + 1, 20) is None


@pytest.mark.parametrize("size", [1, 128, 16_384])
def test_a_field_that_is_cut_off_is_none(size: int) -> None:
    """Within its tag, its length or its content."""
    content = field_head(20, size) + b"x" * size

    assert [field_at(content[:end], 0, 20) for end in range(len(content))] == [None] * len(content)
