"""Answers and records as bytes: what the compiled library writes is what protobuf writes, byte by byte."""

import uuid
from collections.abc import Callable
from dataclasses import replace
from itertools import compress
from typing import Any, Final

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.testing import assert_array_equal

from counterfoil.scorer.v1 import scorer_pb2
from counterfoil.types.v1 import explanation_pb2, prediction_pb2
from services.scorer.domain.reasons import Detail, Wish
from services.scorer.domain.scoring import Scored, score
from services.scorer.messages import MAX_PRINCIPAL_REASONS
from services.scorer.rendering.library import LIBRARY, Compiled, find_digests
from services.scorer.rendering.linking import linked, linking, plainly_linked
from services.scorer.rendering.native import NativeWriter, writer_of
from services.scorer.rendering.writing import RANDOM_BYTES, Frame, Occasion, PlainWriter, Said, Writer
from shared.bundle.reading import Bundle, load_bundle
from shared.bundle.schema import Feature, FeatureSchema
from shared.bundle.scoring import Scores
from shared.prediction_record.chain import personal_digest
from tests.bundles import TinyBundle, tiny_bundle

N_FEATURES: Final = 200
SETTINGS = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

wishes = st.builds(Wish, st.sampled_from(Detail), st.integers(1, MAX_PRINCIPAL_REASONS))
# Few different numbers make ties, sums of zero and signs of zero likely.
weights = st.one_of(st.sampled_from([0.0, -0.0, 0.5, -0.5, 1.0, -1.0, 1e-300]), st.floats(-4.0, 4.0))


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> TinyBundle:
    """Return a tiny bundle two of whose features are one reason."""
    reasons = dict.fromkeys(("AMT_CREDIT", "EXT_SOURCE_2"), ("CREDIT", "Größe des Kredits"))
    return tiny_bundle(tmp_path_factory.mktemp("tiny"), seed=12, reasons=reasons)


@pytest.fixture(scope="module")
def bundle(tiny: TinyBundle) -> Bundle:
    """Return it verified."""
    return load_bundle(tiny.folder, digest=tiny.digest)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Compiled:
    """Return the compiled library."""
    digests = find_digests()
    assert digests is not None
    return Compiled(LIBRARY.build(tmp_path_factory.mktemp("library")), digests)


def wide(bundle: Bundle, reasons: int) -> Bundle:
    """Return the bundle with a schema of 200 features that count to so many reasons, some of them levels."""
    features = [
        Feature(
            f"F_{place}é",
            "one_hot" if place % 3 == 0 else "numeric",
            "application",
            (f"application.F_{place}",),
            level="yes" if place % 3 == 0 else "",
            reason_code=f"CODE_{place}",
            reason_text=f"Text {place}: yes",
            principal_code=f"REASON_{place % reasons}",
            principal_text="" if place % 2 else f"Reason {place % reasons}",
        )
        for place in range(N_FEATURES)
    ]
    return replace(bundle, schema=FeatureSchema(tuple(features)))


def matrices(elements: st.SearchStrategy[Any], rows: int, dtype: type[Any] = np.float64) -> st.SearchStrategy[Any]:
    """Give matrices of so many rows, most of them filled with one element."""
    return arrays.arrays(dtype, (rows, N_FEATURES), elements=elements, fill=st.just(dtype(0)))


@st.composite
def scorings(draw: Callable[[st.SearchStrategy[Any]], Any]) -> Said:
    """Give rows, what a bundle could say about them, and what is wanted to be told."""
    wanted = draw(st.lists(wishes, min_size=1, max_size=4))
    rows = len(wanted)
    values = draw(matrices(st.sampled_from([0.0, 1.0, np.nan, 3.5]), rows))
    margins = draw(arrays.arrays(np.float64, rows, elements=weights))
    scores = Scores(
        margins=margins,
        probabilities=1 / (1 + np.exp(-margins)),
        contributions=draw(matrices(weights, rows)),
        baseline=0.0,
        imputed=draw(matrices(st.booleans(), rows, np.bool_)),
    )
    sound = draw(arrays.arrays(np.bool_, rows, elements=st.booleans()))
    return Said(values, Scored(scores, draw(arrays.arrays(np.float64, rows, elements=weights)), sound), wanted)


frames = st.builds(Frame, *[st.binary(max_size=40)] * 3)
occasions = st.builds(Occasion, st.text("abc/é").map(str.encode), st.binary(max_size=40), st.binary(max_size=40))


@SETTINGS
@given(said=scorings(), reasons=st.sampled_from([1, 7, N_FEATURES]), occasion=occasions, data=st.data())
def test_both_writers_write_the_same_bytes(
    bundle: Bundle, library: Compiled, *, said: Said, reasons: int, occasion: Occasion, data: st.DataObject
) -> None:
    """Whatever is said, wanted and asked: ties, zeros of both signs, absent levels, rows without an answer."""
    worded, rows = wide(bundle, reasons), len(said.values)
    scores = replace(said.scored.scores, baseline=bundle.scoring.baseline)
    said = said._replace(scored=said.scored._replace(scores=scores))
    framed = data.draw(st.lists(frames, min_size=rows, max_size=rows))
    randomness = data.draw(st.binary(min_size=rows * RANDOM_BYTES, max_size=rows * RANDOM_BYTES))

    native = NativeWriter(library, worded).write(said, framed, occasion, randomness)
    plain = PlainWriter(worded).write(said, framed, occasion, randomness)

    sound = said.scored.sound.tolist()
    assert list(compress(native, sound)) == list(compress(plain, sound))


@pytest.mark.parametrize("kind", [PlainWriter, NativeWriter])
def test_reply_and_record_say_what_was_scored(
    bundle: Bundle, library: Compiled, tiny: TinyBundle, kind: type[PlainWriter | NativeWriter]
) -> None:
    """They agree with the scores, and with each other."""
    writer: Writer = NativeWriter(library, bundle) if kind is NativeWriter else PlainWriter(bundle)
    values = np.ascontiguousarray(tiny.values[:50])
    wanted = [Wish(Detail.ALL, 2)] * len(values)
    scored = score(bundle, values, wanted)
    randomness = bytes(len(values) * RANDOM_BYTES)

    answers = writer.write(
        Said(values, scored, wanted), [Frame(b"", b"", b"")] * len(values), Occasion(b"p/", b"", b""), randomness
    )

    for row, written in enumerate(answers):
        reply = scorer_pb2.ScoreResponse.FromString(written.reply)
        record = prediction_pb2.DecisionPart.FromString(written.decision_part)
        person = prediction_pb2.PersonalPart.FromString(written.personal_part)
        names = [bundle.schema.names[position] for position in record.reason_features]
        assert (reply.probability, reply.margin) == (scored.scores.probabilities[row], scored.scores.margins[row])
        assert reply.baseline + sum(reply.reasons.contributions) == pytest.approx(reply.margin, abs=1e-9)
        assert (list(reply.reasons.features), reply.reasons.contributions) == (names, record.reason_contributions)
        assert reply.reasons.principal_codes == record.principal_reason_codes
        assert (reply.decision == prediction_pb2.DECISION_REFUSE) == (reply.probability >= bundle.threshold)
        assert (record.explain, record.max_principal_reasons) == (explanation_pb2.EXPLAIN_ALL, 2)
        assert reply.prediction == f"p/{record.prediction_id}" == f"p/{uuid.UUID(int=0, version=4)}"
        assert_array_equal(person.values, values[row])
        assert record.personal_digest == personal_digest(written.salt, written.personal_part)


@given(st.binary(min_size=32, max_size=32), st.integers(1, 2**40), st.lists(st.tuples(*[st.binary(max_size=300)] * 3)))
def test_both_ways_of_linking_give_the_same_records(
    library: Compiled, previous: bytes, sequence: int, parts: list[tuple[bytes, bytes, bytes]]
) -> None:
    """Empty parts and no records included."""
    assert linked(library, previous, sequence, parts) == plainly_linked(previous, sequence, parts)


@pytest.mark.parametrize("missing", ["compiler", "openssl"])
def test_without_a_compiled_library_answers_are_written_all_the_same(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    """Where `make install` found no compiler, or the interpreter has an OpenSSL that others cannot call."""
    if missing == "compiler":
        monkeypatch.setattr(LIBRARY, "find", lambda: None)
    else:
        monkeypatch.setattr("services.scorer.rendering.library.find_digests", lambda: None)

    assert isinstance(writer_of(bundle), PlainWriter)
    assert linking() is plainly_linked
