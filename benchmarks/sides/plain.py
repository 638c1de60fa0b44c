"""A scorer as one would write it: a servicer that asks LightGBM for the probability and shap for the reasons.

`python -m benchmarks.sides.plain PORT MODEL_TEXT [lean]`. It logs a line a call and records nothing. A `lean` one asks
LightGBM itself for what shap.TreeExplainer asks it for, pred_contrib, and takes the margin from the same call.
"""

import json
import logging
import sys
from collections.abc import Callable
from concurrent import futures
from typing import TypeAlias

import grpc
import lightgbm
import numpy as np
import shap
from numpy.typing import NDArray

from counterfoil.scorer.v1 import scorer_pb2
from counterfoil.types.v1 import prediction_pb2

PRINCIPAL = 4
_LOGGER = logging.getLogger("plain")


Explaining: TypeAlias = Callable[[NDArray[np.float64]], tuple[NDArray[np.float64], float, float]]
"""Returns the contributions to a row's margin, (n_features,), the margin and the baseline."""


def explained_by_shap(booster: lightgbm.Booster) -> Explaining:
    """Return what shap's own class makes of the model."""
    explainer = shap.TreeExplainer(booster)
    baseline = float(np.ravel(explainer.expected_value)[0])

    def explain(row: NDArray[np.float64]) -> tuple[NDArray[np.float64], float, float]:
        """Explain the row."""
        margin = float(booster.predict(row, raw_score=True, num_threads=1)[0])
        return explainer.shap_values(row)[0], margin, baseline

    return explain


def explained_by_lightgbm(booster: lightgbm.Booster) -> Explaining:
    """Return what the library itself says."""

    def explain(row: NDArray[np.float64]) -> tuple[NDArray[np.float64], float, float]:
        """Explain the row."""
        contributions = np.asarray(booster.predict(row, pred_contrib=True, num_threads=1))[0]
        return contributions[:-1], float(contributions.sum()), float(contributions[-1])

    return explain


class PlainScorer:
    """Answers Score."""

    def __init__(self, explain: Explaining) -> None:
        self._explain = explain

    def score(self, request: scorer_pb2.ScoreRequest, _context: grpc.ServicerContext) -> scorer_pb2.ScoreResponse:
        """Return probability and principal reasons."""
        contributions, margin, baseline = self._explain(np.array(request.subject.vector.values)[None])
        probability = 1.0 / (1.0 + np.exp(-(0.9 * margin - 0.1)))
        heaviest = [int(place) for place in np.argsort(-contributions, kind="stable")[:PRINCIPAL]]
        _LOGGER.info(json.dumps({"method": "Score", "probability": probability}))
        return scorer_pb2.ScoreResponse(
            probability=probability,
            margin=margin,
            baseline=baseline,
            threshold=0.25,
            decision=prediction_pb2.DECISION_REFUSE if probability >= 0.25 else prediction_pb2.DECISION_APPROVE,
            reasons=scorer_pb2.Reasons(
                features=[f"FEATURE_{place:03d}" for place in heaviest],
                contributions=[float(contributions[place]) for place in heaviest],
            ),
        )


def main(port: str, model: str, *lean: str) -> None:
    """Serve for ever, on four threads."""
    booster = lightgbm.Booster(model_file=model)
    explain = explained_by_lightgbm(booster) if lean else explained_by_shap(booster)
    logging.basicConfig(level=logging.INFO)
    server = grpc.server(futures.ThreadPoolExecutor(4))
    score = grpc.unary_unary_rpc_method_handler(
        PlainScorer(explain).score,
        request_deserializer=scorer_pb2.ScoreRequest.FromString,
        response_serializer=scorer_pb2.ScoreResponse.SerializeToString,
    )
    service = scorer_pb2.DESCRIPTOR.services_by_name["ScorerService"].full_name
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {"Score": score}),))
    server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    server.wait_for_termination()


if __name__ == "__main__":
    main(*sys.argv[1:])
