"""A scorer as one would write it: a servicer that asks LightGBM for margin and contributions, and logs a line.

`python -m benchmarks.sides.plain PORT MODEL_TEXT`. shap.TreeExplainer of a LightGBM model calls the same pred_contrib.
"""

import json
import logging
import sys
from concurrent import futures
from pathlib import Path

import grpc
import lightgbm
import numpy as np

from counterfoil.scorer.v1 import scorer_pb2
from counterfoil.types.v1 import prediction_pb2

PRINCIPAL = 4
_LOGGER = logging.getLogger("plain")


class PlainScorer:
    """Answers Score."""

    def __init__(self, model: Path) -> None:
        self._booster = lightgbm.Booster(model_file=str(model))

    def score(self, request: scorer_pb2.ScoreRequest, _context: grpc.ServicerContext) -> scorer_pb2.ScoreResponse:
        """Return probability and principal reasons."""
        values = np.array(request.subject.vector.values)[None]
        contributions = np.asarray(self._booster.predict(values, pred_contrib=True, num_threads=1))[0]
        margin = float(contributions.sum())
        probability = 1.0 / (1.0 + np.exp(-(0.9 * margin - 0.1)))
        heaviest = [int(place) for place in np.argsort(-contributions[:-1], kind="stable")[:PRINCIPAL]]
        _LOGGER.info(json.dumps({"method": "Score", "probability": probability}))
        return scorer_pb2.ScoreResponse(
            probability=probability,
            margin=margin,
            baseline=float(contributions[-1]),
            threshold=0.25,
            decision=prediction_pb2.DECISION_REFUSE if probability >= 0.25 else prediction_pb2.DECISION_APPROVE,
            reasons=scorer_pb2.Reasons(
                features=[f"FEATURE_{place:03d}" for place in heaviest],
                contributions=[float(contributions[place]) for place in heaviest],
            ),
        )


def main(port: str, model: str) -> None:
    """Serve for ever, on four threads."""
    logging.basicConfig(level=logging.INFO)
    server = grpc.server(futures.ThreadPoolExecutor(4))
    score = grpc.unary_unary_rpc_method_handler(
        PlainScorer(Path(model)).score,
        request_deserializer=scorer_pb2.ScoreRequest.FromString,
        response_serializer=scorer_pb2.ScoreResponse.SerializeToString,
    )
    service = scorer_pb2.DESCRIPTOR.services_by_name["ScorerService"].full_name
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {"Score": score}),))
    server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    server.wait_for_termination()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
