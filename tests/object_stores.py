"""An S3 of this machine: moto's server as a process, with a bucket, and the variables by which it is found."""

import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.lending import eventually
from tests.processes import free_port

BUCKET = "lender"


@contextmanager
def object_store(folder: Path) -> Iterator[dict[str, str]]:
    """Run the store for the length of a `with` block and yield the environment variables that lead to it."""
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with (folder / "moto.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    endpoint = f"http://127.0.0.1:{port}"
    try:
        eventually(lambda: _made_bucket(endpoint), timeout_s=60.0, what="the object store's start")
        yield {
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_ALLOW_HTTP": "true",
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "somebody",
            "AWS_SECRET_ACCESS_KEY": "anything",
        }
    finally:
        process.kill()
        process.wait(timeout=30)


def _made_bucket(endpoint: str) -> bool:
    request = urllib.request.Request(f"{endpoint}/{BUCKET}", method="PUT")  # noqa: S310  # of this machine
    try:
        with urllib.request.urlopen(request, timeout=5):  # noqa: S310
            return True
    except urllib.error.URLError:
        return False
