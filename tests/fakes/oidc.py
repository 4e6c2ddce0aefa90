"""An OpenID Connect server that behaves: discovery, PKCE, one-time codes, user info.

https://openid.net/specs/openid-connect-core-1_0.html, code flow only.
"""

import base64
import hashlib
import json
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit


class FakeOpenIdServer:
    """`person` is who signs in there; `authorize` plays the browser's visit."""

    def __init__(self, client_id: str, client_secret: str) -> None:
        self.client_id, self.client_secret = client_id, client_secret
        self.person: dict[str, object] = {"sub": "1"}
        self._challenges: dict[str, str] = {}
        self._tokens: set[str] = set()
        self.issuer = ""

    def authorize(self, url: str) -> str:
        """What the person's consent answers: the address to go back to, with code and state."""
        query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        assert query["client_id"] == self.client_id
        assert query["code_challenge_method"] == "S256"
        code = secrets.token_hex(8)
        self._challenges[code] = query["code_challenge"]
        return f"{query['redirect_uri']}?code={code}&state={query['state']}"

    def token(self, form: dict[str, str]) -> tuple[int, dict[str, object]]:
        challenge = self._challenges.pop(form.get("code", ""), None)
        proof = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        is_proven = challenge == base64.urlsafe_b64encode(proof).decode().rstrip("=")
        if not is_proven or form.get("client_secret") != self.client_secret:
            return 400, {"error": "invalid_grant"}
        token = secrets.token_hex(8)
        self._tokens.add(token)
        return 200, {"access_token": token, "token_type": "Bearer", "expires_in": 60}

    def answer(self, path: str, bearer: str, form: dict[str, str]) -> tuple[int, dict[str, object]]:
        if path == "/.well-known/openid-configuration":
            names = ("authorization", "token", "userinfo")
            return 200, {
                "issuer": self.issuer,
                **{f"{name}_endpoint": f"{self.issuer}/{name}" for name in names},
                "token_endpoint_auth_methods_supported": ["client_secret_post"],
            }
        if path == "/token":
            return self.token(form)
        if path == "/userinfo" and bearer in self._tokens:
            return 200, self.person
        return 401, {"error": "invalid_token"}


@contextmanager
def running(server: FakeOpenIdServer) -> Iterator[FakeOpenIdServer]:
    class Handler(BaseHTTPRequestHandler):
        def _respond(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            form = {name: values[0] for name, values in parse_qs(raw).items()}
            bearer = self.headers.get("Authorization", "").removeprefix("Bearer ")
            status, body = server.answer(urlsplit(self.path).path, bearer, form)
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        do_GET = do_POST = _respond  # noqa: N815 - the name the base class looks for

        def log_message(self, *_: object) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.issuer = f"http://127.0.0.1:{http.server_port}"
    thread = threading.Thread(
        target=http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
    )
    thread.start()
    try:
        yield server
    finally:
        http.shutdown()
        http.server_close()
        thread.join()
