"""A receiver of webhooks on a real port."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Post:
    """What came in."""

    headers: Mapping[str, str]
    body: bytes


class WebhookServer:
    """Takes every POST; answers the first ones with the statuses that it was given, and 0 not until it is released."""

    def __init__(self, *statuses: int) -> None:
        self.posts: list[Post] = []
        self.url = ""
        self._statuses = list(statuses)
        self._news = threading.Condition()
        self._released = threading.Event()

    def release(self) -> None:
        """Answer what hangs."""
        self._released.set()

    def take(self, post: Post) -> int:
        """Remember a POST and return the status to answer it with."""
        with self._news:
            status = self._statuses.pop(0) if self._statuses else 204
            self.posts.append(post)
            self._news.notify_all()
        if not status:
            self._released.wait()
        return status or 204

    def wait_for(self, count: int, timeout_s: float = 60.0) -> list[Post]:
        """Return the first posts as soon as so many have come."""
        with self._news:
            assert self._news.wait_for(lambda: len(self.posts) >= count, timeout_s), "the posts did not come"
            return self.posts[:count]


@contextmanager
def webhook_server(*statuses: int) -> Iterator[WebhookServer]:
    """Run a receiver for the length of a `with` block."""
    received = WebhookServer(*statuses)

    class Handler(BaseHTTPRequestHandler):
        """Hands each POST over."""

        def do_POST(self) -> None:
            """Answer as told."""
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status = received.take(Post(dict(self.headers), body))
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("Location", f"{received.url}/elsewhere")
            self.end_headers()

        def log_message(self, *_args: object) -> None:
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    received.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield received
    finally:
        received.release()
        server.shutdown()
        thread.join()
        server.server_close()
