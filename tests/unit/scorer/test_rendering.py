"""Answers as bytes: what the compiled renderer writes is what protobuf writes, byte by byte."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from counterfoil.scorer.v1 import scorer_pb2
from counterfoil.types.v1 import explanation_pb2, prediction_pb2
from services.scorer.domain.reasons import Detail, Wish
from services.scorer.domain.scoring import Scored, score
from services.scorer.messages import MAX_PRINCIPAL_REASONS
from services.scorer.rendering.library import LIBRARY
from services.scorer.rendering.native import NativeRenderer, renderer_of
from services.scorer.rendering.parts import PlainRenderer, Renderer
from shared.bundle.reading import Bundle, load_bundle
from shared.bundle.schema import Feature, FeatureSchema
from shared.bundle.scoring import Scores
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
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the compiled library."""
    return LIBRARY.build(tmp_path_factory.mktemp("library"))


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
def scorings(draw: Callable[[st.SearchStrategy[Any]], Any]) -> tuple[NDArray[np.float64], Scored, list[Wish]]:
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
    return values, Scored(scores, draw(arrays.arrays(np.float64, rows, elements=weights)), sound), wanted


@SETTINGS
@given(scorings(), st.sampled_from([1, 7, N_FEATURES]))
def test_both_renderers_write_the_same_bytes(
    bundle: Bundle, library: Path, scoring: tuple[NDArray[np.float64], Scored, list[Wish]], reasons: int
) -> None:
    """Whatever is said and wanted: ties, zeros of both signs, levels that are absent, rows without an answer."""
    values, scored, wanted = scoring
    worded = wide(bundle, reasons)
    scored = scored._replace(scores=replace(scored.scores, baseline=bundle.scoring.baseline))

    assert NativeRenderer(library, worded).render(values, scored, wanted) == PlainRenderer(worded).render(
        values, scored, wanted
    )


@pytest.mark.parametrize("kind", [PlainRenderer, NativeRenderer])
def test_the_parts_say_what_was_scored(
    bundle: Bundle, library: Path, tiny: TinyBundle, kind: type[PlainRenderer | NativeRenderer]
) -> None:
    """Reply and record agree with the scores, and with each other."""
    renderer: Renderer = NativeRenderer(library, bundle) if kind is NativeRenderer else PlainRenderer(bundle)
    values = np.ascontiguousarray(tiny.values[:50])
    wanted = [Wish(Detail.ALL, 2)] * len(values)
    scored = score(bundle, values, wanted)

    for row, parts in enumerate(renderer.render(values, scored, wanted)):
        reply = scorer_pb2.ScoreResponse.FromString(parts.response)
        record = prediction_pb2.DecisionPart.FromString(parts.decision)
        names = [bundle.schema.names[position] for position in record.reason_features]
        assert (reply.probability, reply.margin) == (scored.scores.probabilities[row], scored.scores.margins[row])
        assert reply.baseline + sum(reply.reasons.contributions) == pytest.approx(reply.margin, abs=1e-9)
        assert (list(reply.reasons.features), reply.reasons.contributions) == (names, record.reason_contributions)
        assert reply.reasons.principal_codes == record.principal_reason_codes
        assert (reply.decision == prediction_pb2.DECISION_REFUSE) == (reply.probability >= bundle.threshold)
        assert (record.explain, record.max_principal_reasons) == (explanation_pb2.EXPLAIN_ALL, 2)


def test_without_a_compiled_renderer_answers_are_written_all_the_same(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where `make install` found no compiler."""
    monkeypatch.setattr(LIBRARY, "find", lambda: None)

    assert isinstance(renderer_of(bundle), PlainRenderer)
