"""Asks a scorer by tritonclient, in an environment without a line of ours: ADDRESS and, on stdin, rows as JSON.

NaN stands for a missing value. Prints the answers as JSON.
"""

import json
import sys

import numpy as np
from tritonclient.grpc import InferenceServerClient, InferInput

rows = np.array(json.load(sys.stdin))
client = InferenceServerClient(sys.argv[1])
assert client.is_server_live()
assert client.is_server_ready()
assert client.is_model_ready("credit-default")
(declared,) = client.get_model_metadata("credit-default").inputs
features = InferInput(declared.name, list(rows.shape), declared.datatype)
features.set_data_from_numpy(rows)

answer = client.infer("credit-default", [features], request_id="7", parameters={"explain": "all", "purpose": "TEST"})

said = {
    "id": answer.get_response().id,
    "probability": answer.as_numpy("probability").tolist(),
    "decision": [text.decode() for text in answer.as_numpy("decision")],
    "reasons": [json.loads(text) for text in answer.as_numpy("reasons")],
    "contributions": answer.as_numpy("contributions").tolist(),
}
sys.stdout.write(json.dumps(said))
