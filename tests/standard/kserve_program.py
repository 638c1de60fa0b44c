"""Asks a scorer by KServe's SDK, in an environment without a line of ours: ADDRESS and, on stdin, rows as JSON.

NaN stands for a missing value. Prints the answers as JSON.
"""

import asyncio
import json
import sys

import numpy as np
from kserve import InferenceGRPCClient, InferInput, InferRequest


async def ask(address: str, rows: np.ndarray) -> dict[str, object]:
    """Return the answers about the rows."""
    client = InferenceGRPCClient(url=address)
    assert await client.is_server_live()
    assert await client.is_server_ready()
    assert await client.is_model_ready("credit-default")
    features = InferInput("features", list(rows.shape), "FP64")
    features.set_data_from_numpy(rows, binary_data=False)
    parameters = {"explain": "all", "purpose": "TEST"}
    request = InferRequest("credit-default", [features], request_id="7", parameters=parameters)
    answer = await client.infer(request)
    outputs = {output.name: output.as_numpy() for output in answer.outputs}
    return {
        "id": answer.id,
        "probability": outputs["probability"].tolist(),
        "decision": [_text(each) for each in outputs["decision"]],
        "reasons": [json.loads(_text(each)) for each in outputs["reasons"]],
        "contributions": outputs["contributions"].tolist(),
    }


def _text(element: object) -> str:
    return element.decode() if isinstance(element, bytes) else str(element)


sys.stdout.write(json.dumps(asyncio.run(ask(sys.argv[1], np.array(json.load(sys.stdin))))))
