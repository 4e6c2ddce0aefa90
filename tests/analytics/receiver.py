"""A usage intake in miniature, over real HTTP: remembers every id it was sent, answers as told."""

import gzip
import json
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class FakeIntake:
    """`answer` decides by the batch's lines; the ids of batches answered 200 count as received."""

    def __init__(self, port: int = 0) -> None:
        self.received: Counter[str] = Counter()
        self.batches: list[int] = []
        self.tokens: set[str] = set()
        self.is_stopped = False
        self.answer: Callable[[list[bytes]], int] = lambda _lines: 200
        intake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                if intake.is_stopped:  # as a process that died: no answer, connection gone
                    self.close_connection = True
                    return
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = intake.take(gzip.decompress(body), self.headers["Authorization"])
                self.send_response(status)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=[0.01], daemon=True).start()

    def take(self, text: bytes, token: str) -> int:
        lines = [line for line in text.split(b"\n") if line]
        status = self.answer(lines)
        self.tokens.add(token)
        if status == 200:
            self.batches.append(len(lines))
            self.received.update(json.loads(line)["id"] for line in lines)
        return status

    @property
    def port(self) -> int:
        return self._server.server_address[1]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/gateway/v1/usage"

    def stop(self) -> None:
        self.is_stopped = True
        self._server.shutdown()
        self._server.server_close()
