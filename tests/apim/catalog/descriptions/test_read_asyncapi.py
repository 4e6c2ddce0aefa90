"""AsyncAPI 2 and 3 become operations seen from the application: it sends, it receives."""

import pytest

from apim.catalog.descriptions import InvalidSpecification, Style, Tag, read_description
from apim.catalog.descriptions.asyncapi import actions_of
from tests.apim.catalog.descriptions.attempts import reads_or_refuses
from tests.apim.catalog.descriptions.documents import ASYNCAPI_2, ASYNCAPI_3


def read(text):
    return read_description(text.encode())


def refusal(text):
    with pytest.raises(InvalidSpecification) as caught:
        read(text)
    return caught.value.problems


def test_what_clients_subscribe_to_in_version_2_is_sent():
    found = read(ASYNCAPI_2)
    assert (found.style, found.style_version) == (Style.ASYNCAPI, "2.6.0")
    received, sent = found.operations
    assert (received.key, received.is_deprecated) == ("receive ships/{berth}", True)
    assert (sent.key, sent.operation_id) == ("send ships/{berth}", "shipArrived")
    assert (sent.summary, sent.tags) == ("A ship has arrived", ("Ships",))
    assert sent.description == "One berth."
    assert sent.parameter_count == 1
    assert sent.response_content_types == ("application/json", "application/cbor")
    assert [s.url for s in found.servers] == ["mqtt://broker.example.com:1883/in"]
    assert found.tags == (Tag("Ships", "Coming and going"),)


def test_messages_hold_payload_headers_and_what_traits_give():
    arrival, departure = actions_of(read(ASYNCAPI_2).data)[1].messages
    assert (arrival.name, arrival.title, arrival.summary) == (
        "Arrival",
        "Arrival",
        "From the trait",
    )
    assert arrival.payload == {"$ref": "#/components/schemas/Ship"}
    assert arrival.headers["properties"] == {"trace": {"type": "string"}}
    assert arrival.examples == ({"payload": {"name": "Ada"}},)
    assert (departure.name, departure.content_type) == ("departure", "application/cbor")


def test_version_3_names_its_operations():
    found = read(ASYNCAPI_3)
    assert [(o.key, o.operation_id, o.summary) for o in found.operations] == [
        ("send ships/{berth}", "shipArrived", "Arrival"),
        ("send ships/{berth}#shipGone", "shipGone", "Gone"),
        ("receive replies", "answer", ""),
    ]
    assert [s.url for s in found.servers] == ["amqps://broker.example.com/in"]
    first, second, _third = actions_of(found.data)
    assert [m.name for m in first.messages] == ["arrival"]
    assert [(m.name, m.payload_format) for m in second.messages] == [
        ("arrival", ""),
        ("gone", "application/vnd.apache.avro;version=1.9.0"),
    ]


@pytest.mark.parametrize(
    ("old", "new", "words", "field"),
    [
        ("asyncapi: 2.6.0", "asyncapi: 1.2.0", "1.2.0", "asyncapi"),
        ("asyncapi: 2.6.0", "asyncapi: 2.6", "2.6", "asyncapi"),
        ("title: Harbour news, ", "", "title", "info.title"),
        ("#/components/schemas/Ship", "#/components/schemas/Shop", "Shop", "components.messages"),
        ("#/components/schemas/Ship", "other.yaml", "outside", "components.messages"),
    ],
)
def test_errors_name_the_place(old, new, words, field):
    problem = refusal(ASYNCAPI_2.replace(old, new, 1))[0]
    assert words in problem.message
    assert problem.field.startswith(field)
    assert problem.line > 0


def test_a_document_without_channels_is_refused():
    assert "channel" in refusal("asyncapi: 3.0.0\ninfo: {title: T, version: '1'}")[0].message


@pytest.mark.parametrize("value", ["3", "[3]", "null", "{a: 3}", "{a: [1]}", "{a: {b: 3}}", "a"])
@pytest.mark.parametrize("text", [ASYNCAPI_2, ASYNCAPI_3])
def test_malformed_parts_are_refused_or_left_out_and_never_crash(text, value):
    for key in ("servers:", "channels:", "components:", "operations:", "    messages:", "tags:"):
        start = text.find("\n" + key)
        if start < 0:
            continue
        end = start + 1
        while end < len(text) and (text[end] == " " or end == start + 1):
            end = text.find("\n", end) + 1 or len(text)
        changed = f"{text[:start]}\n{key} {value}\n{text[end:]}"
        assert reads_or_refuses(changed.encode())
