"""Fetching from an address, against real servers on this machine."""

import socket
import ssl
import threading
import time
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from apim.catalog.openapi import SpecFetchFailed, fetch_spec
from apim.catalog.openapi.fetch import is_public

BODY = b"openapi: 3.1.0\n"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.server.seen.append((self.headers["Host"], self.path))
        name = self.path.strip("/").partition("/")[0]
        getattr(self, f"answer_{name}", self.answer_spec)()

    def _answer(self, status, body=b"", **headers):
        self.send_response(status)
        for header, value in headers.items():
            self.send_header(header.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def answer_spec(self):
        self._answer(200, BODY)

    def answer_missing(self):
        self._answer(404)

    def answer_packed(self):
        self._answer(200, b"\x1f\x8b", Content_Encoding="gzip")

    def answer_hop(self):
        left = int(self.path.rpartition("/")[2])
        self._answer(302, Location=f"/hop/{left - 1}" if left else "/spec")

    def answer_inside(self):
        self._answer(302, Location="http://10.0.0.1/spec")

    def answer_metadata(self):
        self._answer(302, Location="https://169.254.169.254/latest")

    def answer_broken(self):
        self._answer(302, Location="http://[")

    def answer_file(self):
        self._answer(302, Location="file:///etc/passwd")

    def answer_large(self):
        self.send_response(200)
        self.send_header("Connection", "close")
        self.end_headers()
        try:
            while True:
                self.wfile.write(b"x" * 65536)
        except OSError:
            self.close_connection = True

    def answer_drip(self):
        """One byte now and then: every single read is quick, the whole never ends."""
        self.send_response(200)
        self.send_header("Connection", "close")
        self.end_headers()
        try:
            while not self.server.closing.wait(0.02):
                self.wfile.write(b"x")
        except OSError:
            self.close_connection = True

    def log_message(self, *args):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.seen = []
        self.closing = threading.Event()

    def handle_error(self, request, client_address):
        """A client that does not trust the certificate hangs up; that is what is tested."""


@pytest.fixture
def server():
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.closing.set()
    server.shutdown()
    server.server_close()
    thread.join()


def address(server, path="/spec", host="127.0.0.1", scheme="http"):
    return f"{scheme}://{host}:{server.server_port}{path}"


def refusal(*args, **kwargs):
    with pytest.raises(SpecFetchFailed) as caught:
        fetch_spec(*args, **kwargs)
    assert "source_url" in caught.value.fields
    return caught.value.message


def test_an_allowed_host_may_be_private_and_plain_http(server):
    assert fetch_spec(address(server), allowed_hosts=["127.0.0.1"]) == BODY
    assert fetch_spec(address(server), allowed_hosts=[f"127.0.0.1:{server.server_port}"]) == BODY


def test_an_allowance_for_another_port_does_not_count(server):
    assert "https" in refusal(address(server), allowed_hosts=["127.0.0.1:1"])
    assert server.seen == []


def test_plain_http_is_refused_elsewhere(server):
    assert "over https" in refusal(address(server))
    assert server.seen == []


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/",
        "https://localhost/",
        "https://2130706433/",
        "https://0x7f.1/",
        "https://0/",
        "https://[::1]/",
        "https://[::]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[64:ff9b::7f00:1]/",
        "https://[fe80::1]/",
        "https://[fd00::1]/",
        "https://10.0.0.1/",
        "https://172.16.0.1/",
        "https://192.168.1.1/",
        "https://100.64.0.1/",
        "https://169.254.169.254/",
        "https://224.0.0.1/",
        "https://255.255.255.255/",
    ],
)
def test_addresses_inside_are_refused_however_written(url):
    assert "public internet" in refusal(url)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "x",
        "/etc/passwd",
        "file:///etc/passwd",
        "ftp://example.com/x",
        "gopher://example.com",
        "https://",
        "https://a b/",
        "https://exämple.com/",
        "https://user:pass@example.com/",
        "https://example.com:99999/",
        "https://[/",
        "https://example.com/\r\nX: y",
    ],
)
def test_other_addresses_are_refused_before_any_name_is_looked_up(url):
    def resolve(host, port):
        raise AssertionError(host)

    assert refusal(url, resolve=resolve)


def test_one_private_address_among_public_ones_is_enough_to_refuse():
    message = refusal("https://example.com/", resolve=lambda *_: ["93.184.216.34", "10.0.0.7"])
    assert "10.0.0.7" in message
    assert "APIM_SPEC_FETCH_ALLOWED_HOSTS" in message


def test_the_checked_address_is_the_one_connected_to(server):
    """A name that turns private after the check gains nothing: it is asked only once."""
    answers = iter([["127.0.0.1"], ["10.0.0.1"]])
    url = address(server, host="specs.example.com")
    body = fetch_spec(url, allowed_hosts=["specs.example.com"], resolve=lambda *_: next(answers))
    assert body == BODY
    assert server.seen == [(f"specs.example.com:{server.server_port}", "/spec")]
    assert next(answers) == ["10.0.0.1"]


def test_redirects_are_followed_up_to_three(server):
    assert fetch_spec(address(server, "/hop/2"), allowed_hosts=["127.0.0.1"]) == BODY
    assert "more than 3" in refusal(address(server, "/hop/3"), allowed_hosts=["127.0.0.1"])


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/inside", "over https"),
        ("/metadata", "169.254.169.254"),
        ("/broken", "malformed"),
        ("/file", "must begin with https"),
        ("/missing", "status 404"),
        ("/packed", "compressed"),
    ],
)
def test_each_redirect_and_answer_is_checked(server, path, words):
    assert words in refusal(address(server, path), allowed_hosts=["127.0.0.1"])


def test_a_body_over_the_limit_is_cut_off(server):
    message = refusal(address(server, "/large"), allowed_hosts=["127.0.0.1"], max_bytes=1024 * 1024)
    assert "larger than 1 MB" in message


def test_a_server_that_drips_is_given_up_in_time(server):
    started = time.monotonic()
    message = refusal(address(server, "/drip"), allowed_hosts=["127.0.0.1"], timeout_seconds=0.5)
    assert "in time" in message
    assert time.monotonic() - started < 2


def test_a_name_server_that_never_answers_is_given_up_in_time():
    free = threading.Event()
    try:
        message = refusal(
            "https://slow.example.com/",
            timeout_seconds=0.2,
            resolve=lambda *_: free.wait(10) and [],
        )
    finally:
        free.set()
    assert "in time" in message


def test_a_closed_port_and_an_unknown_name_are_told():
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/"
        assert "No connection" in refusal(url, allowed_hosts=["127.0.0.1"])

    def unknown(host, port):
        raise socket.gaierror(-2, "Name or service not known")

    assert "does not exist" in refusal("https://nowhere.example.com/", resolve=unknown)


def test_what_does_not_speak_http_is_told():
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def chat():
            connection, _peer = listener.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(b"220 smtp ready\r\n")

        thread = threading.Thread(target=chat)
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        assert "did not speak HTTP" in refusal(url, allowed_hosts=["127.0.0.1"])
        thread.join()


@pytest.fixture
def certificate(tmp_path):
    """A certificate for specs.example.com that only those who are told trust."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "specs.example.com")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName("specs.example.com")]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "certificate.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


@pytest.fixture
def tls_server(server, certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server.asked_for = []
    context.sni_callback = lambda _socket, name, _context: server.asked_for.append(name)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    return server


def test_over_tls_the_name_is_kept_while_the_address_is_pinned(tls_server, certificate):
    trusting = ssl.create_default_context(cafile=str(certificate))
    body = fetch_spec(
        address(tls_server, host="specs.example.com", scheme="https"),
        allowed_hosts=["specs.example.com"],
        resolve=lambda *_: ["127.0.0.1"],
        ssl_context=trusting,
    )
    assert body == BODY
    assert tls_server.asked_for == ["specs.example.com"]


@pytest.mark.parametrize("host", ["specs.example.com", "other.example.com"])
def test_an_untrusted_or_foreign_certificate_is_refused(tls_server, certificate, host):
    trusting = ssl.create_default_context(cafile=str(certificate))
    message = refusal(
        address(tls_server, host=host, scheme="https"),
        allowed_hosts=[host],
        resolve=lambda *_: ["127.0.0.1"],
        ssl_context=trusting if host == "other.example.com" else None,
    )
    assert "certificate" in message


@pytest.mark.parametrize("ip", ["8.8.8.8", "93.184.216.34", "2606:4700:4700::1111"])
def test_public_addresses_are_known_as_such(ip):
    assert is_public(ip)


@pytest.mark.parametrize(
    "ip",
    [
        "192.0.2.1",
        "198.18.0.1",
        "240.0.0.1",
        "2002:7f00:1::",
        "2001::1",
        "::7f00:1",
        "x",
        "ff02::1",
    ],
)
def test_special_addresses_are_not_public(ip):
    assert not is_public(ip)
