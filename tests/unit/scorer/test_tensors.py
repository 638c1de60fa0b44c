"""Tensors of the Open Inference Protocol: what they hold, and what is said of those that do not hold what they say."""

import struct
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from counterfoil.inference.v2 import open_inference_pb2
from services.scorer.tensors import encode_numbers, encode_texts, read_tensors
from shared.errors import InvalidInput


def call(
    datatype: str, shape: list[int], raw: bytes | None = None, **contents: Sequence[float] | Sequence[bytes]
) -> open_inference_pb2.ModelInferRequest:
    """Return a call with one tensor."""
    request = open_inference_pb2.ModelInferRequest()
    tensor = request.inputs.add(name="features", datatype=datatype, shape=shape)
    for field, elements in contents.items():
        getattr(tensor.contents, field).extend(elements)
    if raw is not None:
        request.raw_input_contents.append(raw)
    return request


@given(st.lists(st.floats(), max_size=20))
def test_numbers_survive_their_raw_form(numbers: list[float]) -> None:
    """Bit for bit, NaN and infinities among them."""
    raw = encode_numbers(np.array(numbers, dtype=np.float64))

    (tensor,) = read_tensors(call("FP64", [len(numbers)], raw))

    assert_array_equal(tensor.elements, np.array(numbers))


@given(st.lists(st.text(max_size=50), max_size=20))
def test_texts_survive_their_raw_form(texts: list[str]) -> None:
    """Whatever they are written in, empty ones too."""
    (tensor,) = read_tensors(call("BYTES", [len(texts)], encode_texts(texts)))

    assert tensor.elements == texts


@pytest.mark.parametrize(
    ("datatype", "field", "form"),
    [
        ("BOOL", "bool_contents", "?"),
        ("INT8", "int_contents", "<i1"),
        ("INT16", "int_contents", "<i2"),
        ("INT32", "int_contents", "<i4"),
        ("INT64", "int64_contents", "<i8"),
        ("UINT8", "uint_contents", "<u1"),
        ("UINT16", "uint_contents", "<u2"),
        ("UINT32", "uint_contents", "<u4"),
        ("UINT64", "uint64_contents", "<u8"),
        ("FP32", "fp32_contents", "<f4"),
        ("FP64", "fp64_contents", "<f8"),
    ],
)
def test_typed_and_raw_contents_are_the_same_numbers(datatype: str, field: str, form: str) -> None:
    """For every datatype of the protocol."""
    numbers = np.array([0, 1, 1], dtype=form)

    (typed,) = read_tensors(call(datatype, [3], **{field: numbers.tolist()}))
    (raw,) = read_tensors(call(datatype, [3], numbers.tobytes()))

    assert_array_equal(typed.elements, [0.0, 1.0, 1.0])
    assert_array_equal(raw.elements, typed.elements)


def test_halves_come_raw_alone() -> None:
    """The protocol has no typed field for them."""
    (tensor,) = read_tensors(call("FP16", [2], np.array([0.5, 2.0], dtype="<f2").tobytes()))

    assert_array_equal(tensor.elements, [0.5, 2.0])
    with pytest.raises(InvalidInput, match="send it as raw_input_contents"):
        read_tensors(call("FP16", [2]))


@pytest.mark.parametrize(
    ("request_", "path", "why"),
    [
        (call("FP65", [1], fp64_contents=[1.0]), "inputs[0].datatype", "none of the protocol's"),
        (call("FP64", [2], fp64_contents=[1.0]), "inputs[0]", "holds 1 elements where its shape [2] has 2"),
        (call("FP64", [], fp64_contents=[1.0]), "inputs[0].shape", "the number of applicants first"),
        (call("FP64", [-1], fp64_contents=[1.0]), "inputs[0].shape", "the number of applicants first"),
        (call("FP64", [1], b"1234567"), "inputs[0]", "are 7 bytes"),
        (call("FP64", [1], b"12345678", fp64_contents=[1.0]), "inputs[0].contents", "send one of the two"),
        (call("INT64", [1], struct.pack("<q", (1 << 53) + 2)), "inputs[0]", "beyond 2^53"),
        (call("UINT64", [1], uint64_contents=[(1 << 64) - 1]), "inputs[0]", "beyond 2^53"),
        (call("INT8", [1], int_contents=[300]), "inputs[0]", "its datatype cannot hold"),
        (call("BYTES", [1], b"\x01\x00"), "inputs[0]", "within the length of an element"),
        (call("BYTES", [1], struct.pack("<I", 5) + b"1234"), "inputs[0]", "within an element"),
        (call("BYTES", [1], bytes_contents=[b"\xff"]), "inputs[0]", "not UTF-8"),
        (call("BYTES", [1], bytes_contents=[b"x" * 1025]), "inputs[0]", "longer than 1024 bytes"),
    ],
)
def test_a_tensor_that_is_not_what_it_says_is_refused_by_name(
    request_: open_inference_pb2.ModelInferRequest, path: str, why: str
) -> None:
    """With the input's place and what to mend."""
    with pytest.raises(InvalidInput) as error:
        read_tensors(request_)

    (violation,) = error.value.violations
    assert violation.field == path
    assert why in violation.description


def test_raw_contents_are_one_for_each_input() -> None:
    """Otherwise nobody could tell which is whose."""
    request = call("FP64", [1], b"12345678")
    request.raw_input_contents.append(b"12345678")

    with pytest.raises(InvalidInput, match="holds 2 byte strings for 1 inputs"):
        read_tensors(request)
