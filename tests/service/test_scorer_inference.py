"""The Open Inference Protocol over a real channel: the same answers, over the same log, as ScorerService gives."""

import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from numpy.typing import NDArray

from counterfoil.client.channels import open_channel
from counterfoil.inference.v2 import open_inference_pb2, open_inference_pb2_grpc
from services.scorer.app import INFERENCE_SERVICE_NAME
from services.scorer.tensors import encode_numbers, encode_texts
from tests.bundles import SCHEMA, TinyBundle, tiny_bundle
from tests.fakes import FakeRegistry
from tests.processes import wait_until_serving
from tests.service.scoring import APPLICATION, Scorer, ask, failure, scorer

Reply = open_inference_pb2.ModelInferResponse
FEATURES = len(SCHEMA.names)


@dataclass
class Standard:
    """A client that knows the protocol alone, and the scorer that it asks."""

    stub: open_inference_pb2_grpc.GRPCInferenceServiceStub
    scorer: Scorer


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> TinyBundle:
    """Return the bundle that serves in this module."""
    return tiny_bundle(tmp_path_factory.mktemp("tiny"), seed=1)


@pytest.fixture(scope="module")
def standard(tmp_path_factory: pytest.TempPathFactory, bundle: TinyBundle) -> Iterator[Standard]:
    """One scorer for the module."""
    registry = FakeRegistry()
    registry.register(bundle, alias="champion")
    with scorer(tmp_path_factory.mktemp("scorer"), registry) as running, open_channel(running.address) as channel:
        wait_until_serving(running.address, INFERENCE_SERVICE_NAME)
        yield Standard(open_inference_pb2_grpc.GRPCInferenceServiceStub(channel), running)


def infer(*inputs: tuple[str, str, list[int], bytes], **parameters: str) -> open_inference_pb2.ModelInferRequest:
    """Return a call with raw inputs (name, datatype, shape, contents) and text parameters."""
    request = open_inference_pb2.ModelInferRequest(id="17")
    for name, datatype, shape, raw in inputs:
        request.inputs.add(name=name, datatype=datatype, shape=shape)
        request.raw_input_contents.append(raw)
    for name, text in parameters.items():
        request.parameters[name].string_param = text
    return request


def dense(values: NDArray[np.float64], **parameters: str) -> open_inference_pb2.ModelInferRequest:
    """Return a call about rows of all features, (n, features)."""
    return infer(("features", "FP64", list(values.shape), encode_numbers(values)), **parameters)


def numbers(reply: Reply, name: str) -> NDArray[np.float64]:
    """Return a numeric tensor of the reply in its shape."""
    place = [output.name for output in reply.outputs].index(name)
    return np.frombuffer(reply.raw_output_contents[place], "<f8").reshape(tuple(reply.outputs[place].shape))


def texts(reply: Reply, name: str) -> list[str]:
    """Return a tensor of texts."""
    raw = reply.raw_output_contents[[output.name for output in reply.outputs].index(name)]
    found, place = [], 0
    while place < len(raw):
        (length,) = struct.unpack_from("<I", raw, place)
        found.append(raw[place + 4 : place + 4 + length].decode())
        place += 4 + length
    return found


def test_the_server_tells_what_it_is_and_what_it_takes(standard: Standard) -> None:
    """Live, ready, named; the model's tensors as the protocol describes them."""
    stub = standard.stub

    metadata = stub.ModelMetadata(open_inference_pb2.ModelMetadataRequest(name="credit-default"))

    assert stub.ServerLive(open_inference_pb2.ServerLiveRequest()).live
    assert stub.ServerReady(open_inference_pb2.ServerReadyRequest()).ready
    assert stub.ServerMetadata(open_inference_pb2.ServerMetadataRequest()).name == "counterfoil"
    assert (metadata.name, list(metadata.versions), metadata.platform) == (
        "credit-default",
        ["1"],
        "counterfoil_lightgbm",
    )
    assert [(each.name, each.datatype, list(each.shape)) for each in metadata.inputs] == [
        ("features", "FP64", [-1, FEATURES])
    ]
    assert ("contributions", [-1, FEATURES]) in [(each.name, list(each.shape)) for each in metadata.outputs]


@pytest.mark.parametrize(
    ("name", "version", "ready"),
    [("", "", True), ("credit-default", "1", True), ("", "2", False), ("other", "", False)],
)
def test_a_model_is_ready_if_it_is_the_one_served(standard: Standard, name: str, version: str, ready: bool) -> None:
    """An empty name or version means the one that is."""
    request = open_inference_pb2.ModelReadyRequest(name=name, version=version)

    assert standard.stub.ModelReady(request).ready is ready


def test_rows_of_all_features_are_answered_as_their_applicants_are(standard: Standard, bundle: TinyBundle) -> None:
    """To the bit, with the contributions in the order of the schema; the id comes back."""
    reply = standard.stub.ModelInfer(dense(bundle.values[:20], explain="all"))

    scores = [standard.scorer.stub.Score(ask(each)) for each in bundle.applicant_ids[:20]]
    expected = np.zeros((20, FEATURES))
    for row, score in enumerate(scores):
        places = [SCHEMA.names.index(name) for name in score.reasons.features]
        expected[row, places] = score.reasons.contributions

    assert (reply.id, reply.model_name, reply.model_version) == ("17", "credit-default", "1")
    assert_array_equal(numbers(reply, "probability"), [score.probability for score in scores])
    assert_array_equal(numbers(reply, "margin"), [score.margin for score in scores])
    assert_array_equal(numbers(reply, "contributions"), expected)
    assert set(texts(reply, "decision")) == {"APPROVE", "REFUSE"}
    assert texts(reply, "error") == [""] * 20


def test_stored_applicants_are_found_by_identifier(standard: Standard, bundle: TinyBundle) -> None:
    """Texts in, the same probability as by their features."""
    identifiers = list(bundle.applicant_ids[:5])

    by_identifier = standard.stub.ModelInfer(infer(("applicant_id", "BYTES", [5, 1], encode_texts(identifiers))))
    by_features = standard.stub.ModelInfer(dense(bundle.values[:5]))

    assert_array_equal(numbers(by_identifier, "probability"), numbers(by_features, "probability"))


def test_named_columns_are_answered_as_named_features(standard: Standard) -> None:
    """Levels as texts, numbers in any datatype, NaN and the empty text for what is missing."""
    inputs = [
        (name, "BYTES", [1], encode_texts([value]))
        if isinstance(value, str)
        else (name, "FP64", [1], encode_numbers(np.array([np.nan if value is None else value])))
        for name, value in APPLICATION.items()
    ]

    reply = standard.stub.ModelInfer(infer(*inputs, explain="reasons"))
    score = standard.scorer.stub.Score(ask(features=APPLICATION))

    said = json.loads(texts(reply, "reasons")[0])
    assert numbers(reply, "probability").tolist() == [score.probability]
    assert [each["code"] for each in said] == list(score.reasons.principal_codes)
    assert [each["text"] for each in said] == list(score.reasons.principal_texts)


def test_a_wrong_row_spoils_only_itself(standard: Standard, bundle: TinyBundle) -> None:
    """Its error names the row and feature; its numbers are NaN, never a guess."""
    values = bundle.values[:3].copy()
    values[1, 0] = np.inf

    reply = standard.stub.ModelInfer(dense(values))

    wrong = texts(reply, "error")
    assert np.isnan(numbers(reply, "probability")).tolist() == [False, True, False]
    assert (wrong[0], wrong[2]) == ("", "")
    assert "rows[1].vector.values[0]" in wrong[1]
    assert texts(reply, "decision")[1] == ""


def test_a_wrong_applicant_alone_is_an_error(standard: Standard, bundle: TinyBundle) -> None:
    """A client that looks at the status alone is not misled."""
    values = bundle.values[:1].copy()
    values[0, 0] = np.inf

    error = failure(lambda: standard.stub.ModelInfer(dense(values)))

    assert error.code == "INVALID_ARGUMENT"
    assert "rows[0].vector.values[0]" in error.message


def test_a_repeated_request_id_returns_the_recorded_answer(standard: Standard, bundle: TinyBundle) -> None:
    """As in Score: one prediction, however often it is asked for; the protocol's own id does not do that."""
    request = dense(bundle.values[:2], request_id="loan-1")

    first, again = standard.stub.ModelInfer(request), standard.stub.ModelInfer(request)
    other = standard.stub.ModelInfer(dense(bundle.values[:2]))

    assert texts(first, "prediction") == texts(again, "prediction")
    assert set(texts(other, "prediction")).isdisjoint(texts(first, "prediction"))


def test_only_the_outputs_asked_for_come_back(standard: Standard, bundle: TinyBundle) -> None:
    """In the order of the request."""
    request = dense(bundle.values[:2])
    for name in ("margin", "probability"):
        request.outputs.add(name=name)

    reply = standard.stub.ModelInfer(request)

    assert [output.name for output in reply.outputs] == ["margin", "probability"]


ROW = np.zeros((1, FEATURES))
IDENTIFIER = ("applicant_id", "BYTES", [1], encode_texts(["100001"]))


@pytest.mark.parametrize(
    ("request_", "code", "words"),
    [
        (infer(), "INVALID_ARGUMENT", "inputs: is empty"),
        (dense(ROW[:0]), "INVALID_ARGUMENT", "inputs[0].shape: has 0 applicants"),
        (dense(np.zeros((1001, FEATURES))), "INVALID_ARGUMENT", "inputs[0].shape: has 1001 applicants"),
        (dense(ROW[:, 1:]), "INVALID_ARGUMENT", f"the served model takes [-1, {FEATURES}]"),
        (infer(("features", "BYTES", [1], encode_texts(["x"]))), "INVALID_ARGUMENT", "inputs[0].datatype"),
        (infer(IDENTIFIER, ("AMT_CREDIT", "FP64", [1], bytes(8))), "INVALID_ARGUMENT", "inputs[1]: stands beside"),
        (infer(IDENTIFIER, IDENTIFIER), "INVALID_ARGUMENT", "inputs: has two tensors of one name"),
        (infer(("applicant_id", "FP64", [1], bytes(8))), "INVALID_ARGUMENT", "inputs[0]: holds an identifier"),
        (infer(("AMT_CREDIT", "FP64", [1, 2], bytes(16))), "INVALID_ARGUMENT", "inputs[0].shape: is [1, 2]"),
        (dense(ROW, purpose="FUN"), "INVALID_ARGUMENT", 'parameters["purpose"]'),
        (dense(ROW, explain="some"), "INVALID_ARGUMENT", 'parameters["explain"]'),
        (dense(ROW, request_id="x" * 129), "INVALID_ARGUMENT", 'parameters["request_id"]'),
        (dense(ROW, explian="all"), "INVALID_ARGUMENT", 'parameters["explian"]: is not known'),
        (infer(("applicant_id", "BYTES", [1], encode_texts(["nobody"]))), "NOT_FOUND", "no split"),
    ],
)
def test_a_call_that_makes_no_sense_is_refused_by_name(
    standard: Standard, request_: open_inference_pb2.ModelInferRequest, code: str, words: str
) -> None:
    """Nothing is scored by a guess."""
    error = failure(lambda: standard.stub.ModelInfer(request_))

    assert error.code == code
    assert words in error.message


def test_outputs_that_do_not_exist_are_refused(standard: Standard) -> None:
    """Naming the place in the request."""
    request = dense(ROW)
    request.outputs.add(name="score")

    error = failure(lambda: standard.stub.ModelInfer(request))

    assert "outputs[0].name" in error.message


def test_a_parameter_of_another_kind_is_refused(standard: Standard) -> None:
    """A purpose is a text."""
    request = dense(ROW)
    request.parameters["purpose"].int64_param = 1

    error = failure(lambda: standard.stub.ModelInfer(request))

    assert 'parameters["purpose"]: is not a text' in error.message


def test_a_version_that_does_not_serve_is_not_found(standard: Standard) -> None:
    """The answer would be another model's."""
    request = dense(ROW)
    request.model_version = "7"

    error = failure(lambda: standard.stub.ModelInfer(request))

    assert (error.code, error.reason) == ("NOT_FOUND", "VERSION_NOT_SERVED")
