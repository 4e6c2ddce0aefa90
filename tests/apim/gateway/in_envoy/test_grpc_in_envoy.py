"""gRPC through the real Envoy: by the service's own path, with the key in the metadata."""

import json
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest

from analytics.intake import receive
from analytics.models import Attribution, UsageEvent
from apim.audit.actors import SYSTEM
from apim.catalog.models import ApiVersion, Operation, SpecRevision
from apim.gateway import grants, tasks
from apim.gateway.services import register_gateway
from tests.apim.gateway.world import make_version, make_world
from tests.deadline import eventually

pytestmark = [pytest.mark.processes, pytest.mark.django_db(transaction=True)]

SERVICE = "harbor.v1.Tides"
METHODS = ("Forecast", "Watch", "Chat", "Fail", "Hidden")


def _forecast(request, context):
    told = dict(context.invocation_metadata())
    context.set_trailing_metadata((("x-seen", told.get("x-apim-call", "")),))
    return b"tide of " + request


def _watch(request, _context):
    yield from (request + str(number).encode() for number in range(3))


def _chat(requests, _context):
    for request in requests:
        yield b"heard " + request


def _fail(_request, context):
    context.abort(grpc.StatusCode.NOT_FOUND, "no such port")


@pytest.fixture(scope="module")
def server():
    """An upstream that speaks nothing but HTTP/2."""
    handlers = {
        "Forecast": grpc.unary_unary_rpc_method_handler(_forecast),
        "Watch": grpc.unary_stream_rpc_method_handler(_watch),
        "Chat": grpc.stream_stream_rpc_method_handler(_chat),
        "Fail": grpc.unary_unary_rpc_method_handler(_fail),
        "Hidden": grpc.unary_unary_rpc_method_handler(_forecast),
    }
    made = grpc.server(ThreadPoolExecutor(4))
    made.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
    port = made.add_insecure_port("127.0.0.1:0")
    made.start()
    yield f"http://127.0.0.1:{port}"
    made.stop(None).wait()


def describe(version, **fields):
    """As an upload of a .proto does."""
    revision = SpecRevision.objects.create(
        version=version,
        number=1,
        raw=b"",
        media_type="text/x-protobuf",
        style="grpc",
        title="Tides",
    )
    ApiVersion.objects.filter(pk=version.pk).update(current_revision=revision, **fields)
    for name in METHODS:
        Operation.objects.create(
            version=version,
            method="POST",
            path=f"/{SERVICE}/{name}",
            operation_id=name,
            tags=["Secret" if name == "Hidden" else "Open"],
            cost=5 if name == "Watch" else 1,
        )


@pytest.fixture
def world(transactional_db, store, told, server):
    made = make_world(upstream_url=server, limits=[("day", 100)])
    describe(made.version)
    grants.project_all()
    tasks.serve_version(made.version.pk)
    return made


class Client:
    def __init__(self, port, metadata):
        self._channel = grpc.insecure_channel(f"127.0.0.1:{port}")
        self._metadata = metadata

    def __enter__(self):
        return self

    def __exit__(self, *_exc):
        self._channel.close()

    def _options(self):
        return {"metadata": self._metadata, "timeout": 10}

    def ask(self, method, request=b"Kiel", *, before=""):
        path = f"{before}/{SERVICE}/{method}"
        return self._channel.unary_unary(path).with_call(request, **self._options())

    def watch(self, request):
        return list(self._channel.unary_stream(f"/{SERVICE}/Watch")(request, **self._options()))

    def chat(self, requests):
        stream = self._channel.stream_stream(f"/{SERVICE}/Chat")
        return list(stream(iter(requests), **self._options()))

    def refusal(self, method="Forecast"):
        with pytest.raises(grpc.RpcError) as refused:
            self.ask(method)
        return refused.value.code(), refused.value.details()


@pytest.fixture
def client(envoy, world, told):
    with Client(told.port, [("authorization", f"Bearer {world.secret}")]) as made:
        eventually(lambda: _answers(made))
        yield made


def _answers(client):
    try:
        return client.ask("Forecast")
    except grpc.RpcError:
        return None


def lines(told):
    text = told.access_log.read_text() if told.access_log.exists() else ""
    return [json.loads(line) for line in text.splitlines()]


def test_calls_and_streams_reach_the_service_by_its_own_path_and_below_the_listen_path(
    client, world
):
    answer, call = client.ask("Forecast")
    assert answer == b"tide of Kiel"
    assert world.key.public_id in dict(call.trailing_metadata())["x-seen"]
    assert client.watch(b"w") == [b"w0", b"w1", b"w2"]
    assert client.chat([b"a", b"b"]) == [b"heard a", b"heard b"]
    assert client.ask("Forecast", before=world.path)[0] == b"tide of Kiel"


def test_key_may_stand_in_the_metadata_under_its_own_name(client, world, told):
    with Client(told.port, [("x-api-key", world.secret)]) as other:
        assert other.ask("Forecast")[0] == b"tide of Kiel"


def test_refusals_are_statuses_of_grpc_with_a_message_that_people_understand(client, world, told):
    with Client(told.port, []) as stranger:
        status, message = stranger.refusal()
    assert status is grpc.StatusCode.UNAUTHENTICATED
    assert "key" in message
    assert "{" not in message

    type(world.key).objects.update(scopes=["Open"])
    grants.project_key(world.key.pk)

    def forbidden():
        try:
            client.ask("Hidden")
        except grpc.RpcError as refused:
            return (refused.code(), refused.details())
        return None

    status, message = eventually(forbidden)
    assert status is grpc.StatusCode.PERMISSION_DENIED
    assert "lacks the scope" in message

    world.plan.limits.update(quota=1)
    grants.project_plan(world.plan.pk)

    def exhausted():
        try:
            client.ask("Forecast")
        except grpc.RpcError as refused:
            return (refused.code(), refused.details())
        return None

    status, message = eventually(exhausted)
    assert status is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "Try again in" in message


def test_errors_of_the_service_pass_and_calls_are_counted_by_method_status_and_cost(
    client, world, told
):
    assert client.refusal("Fail") == (grpc.StatusCode.NOT_FOUND, "no such port")
    client.watch(b"w")
    with Client(told.port, []) as stranger:
        stranger.refusal()

    def logged():
        """The log is that of all tests."""
        mine = [line for line in lines(told) if world.key.public_id in (line["call"] or "")]
        paths = {line["path"].rpartition("/")[2] for line in mine}
        return {"Fail", "Watch"} <= paths and any(line["grpc"] == 16 for line in lines(told))

    eventually(logged)
    gateway = register_gateway(actor=SYSTEM, name="Log", kind="envoy").gateway
    body = told.access_log.read_bytes()
    receive(gateway=gateway, body=body)
    operations = dict(Operation.objects.values_list("pk", "operation_id"))
    attributions = {one.pk: one for one in Attribution.objects.all()}
    seen = {
        (operations.get(attributions[one.attribution_id].operation_id), one.status, one.cost)
        for one in UsageEvent.objects.all()
    }
    assert {("Fail", 404, 1), ("Watch", 200, 5), ("Forecast", 200, 1)} <= seen
    assert UsageEvent.objects.filter(status=401, is_denied=True).exists()


def test_service_that_two_versions_describe_is_the_one_of_that_published_first(world):
    later = make_version(upstream_url="http://127.0.0.1:9", name="v2")
    describe(later)
    grants.project_all()
    table = json.loads(grants._routes()["g:routes"])

    assert table[f"/{SERVICE}"]["version"] == world.version.public_id
    assert table[later.listen_path]["grpc"] is True
    ApiVersion.objects.filter(pk=world.version.pk).update(state="retired")
    table = json.loads(grants._routes()["g:routes"])
    assert table[f"/{SERVICE}"]["version"] == later.public_id
