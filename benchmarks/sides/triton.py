"""A PyTriton that answers with LightGBM's probability: `python triton.py PORT HTTP_PORT MODEL_NAME MODEL_TEXT`.

It runs in PyTriton's environment, which has nothing of ours. What waits is scored together, up to 64 rows and without
waiting for more: of 16 and 64 rows the faster.
"""

import signal
import sys
from pathlib import Path

import lightgbm
import numpy as np
from numpy.typing import NDArray
from pytriton.decorators import batch
from pytriton.model_config import DynamicBatcher, ModelConfig, Tensor
from pytriton.triton import Triton, TritonConfig

MOST_ROWS = 64


def main(port: int, http_port: int, name: str, model: Path) -> None:
    """Serve until SIGTERM, which PyTriton itself does not pass on to its Triton, as it does an interrupt."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    booster = lightgbm.Booster(model_file=str(model))

    @batch  # type: ignore[untyped-decorator]  # untyped in the library
    def infer(features: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
        """Return the probability of each row, shape (n_rows, 1)."""
        return {"probability": np.asarray(booster.predict(features, num_threads=1))[:, None]}

    # Without a look at each answer's type and shape (strict=False), and without metrics.
    with Triton(config=TritonConfig(grpc_port=port, http_port=http_port, allow_metrics=False)) as triton:
        triton.bind(
            model_name=name,
            infer_func=infer,
            inputs=[Tensor(name="features", dtype=np.float64, shape=(booster.num_feature(),))],
            outputs=[Tensor(name="probability", dtype=np.float64, shape=(1,))],
            config=ModelConfig(max_batch_size=MOST_ROWS, batcher=DynamicBatcher(max_queue_delay_microseconds=0)),
            strict=False,
        )
        triton.serve()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], Path(sys.argv[4]))
