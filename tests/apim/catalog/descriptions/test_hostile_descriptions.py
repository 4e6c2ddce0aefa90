"""Uploads made to hurt are refused in bounded time and memory, whatever their style."""

import io
import json
import stat
import struct
import tracemalloc
import zipfile

import pytest

from apim.catalog.descriptions import InvalidSpecification, read_description
from apim.catalog.openapi import fetch_spec
from apim.catalog.openapi.load import MAX_BYTES
from tests.apim.catalog.descriptions.attempts import reads_or_refuses
from tests.apim.catalog.descriptions.descriptor_sets import Encoder
from tests.apim.catalog.descriptions.documents import ASYNCAPI_3, GRAPHQL, PROTO, WSDL, zipped
from tests.cpu import cpu_seconds_at_most

MAX_SECONDS = 2.0
N = 40_000


@pytest.fixture(autouse=True)
def bounded():
    with cpu_seconds_at_most(MAX_SECONDS):
        yield


def refusal(raw, filename=None):
    with pytest.raises(InvalidSpecification) as caught:
        read_description(raw if isinstance(raw, bytes) else raw.encode(), filename=filename)
    return caught.value.problems


LAUGHS = (
    '<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY lol "lol">'
    + "".join(
        f'<!ENTITY lol{i} "{"&lol" + (str(i - 1) if i > 1 else "") + ";"}{"&lol;" * 9}">'
        for i in range(1, 10)
    )
    + "]><lolz>&lol9;</lolz>"
)
YAML_LAUGHS = "\n".join(
    [
        "asyncapi: 3.0.0",
        "a0: &a0 [x, x, x, x, x, x, x, x, x, x]",
        *(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 12)),
    ]
)
BOMBS = {
    "billion laughs": (LAUGHS, "a.wsdl"),
    "quadratic blow-up": (
        f'<!DOCTYPE a [<!ENTITY a "{"a" * 50_000}">]><a>{"&a;" * 50_000}</a>',
        "a.wsdl",
    ),
    "external entity": (
        '<!DOCTYPE a [<!ENTITY a SYSTEM "file:///etc/passwd">]><a>&a;</a>',
        "a.wsdl",
    ),
    "laughing yaml": (YAML_LAUGHS, "a.yaml"),
    "deep xml": ("<a>" * N, "a.wsdl"),
    "deep lists of graphql": (f"type Query {{ a: {'[' * N}Int }}", "a.graphql"),
    "deep values of graphql": (f"type Query {{ a(b: Int = {'[' * N}): Int }}", "a.graphql"),
    "deep objects of graphql": (f"type Query {{ a(b: Int = {'{a:' * N}): Int }}", "a.graphql"),
    "open block string": ('"""' + '\\"""' * N, "a.graphql"),
    "open strings": ('"' * N, "a.graphql"),
    "deep messages": ("message A {" * N, "a.proto"),
    "deep options": ("option a = " + "{a:" * N, "a.proto"),
    "open comment": ("/*" + "*" * N, "a.proto"),
    "open comments": ("/*" * N, "a.proto"),
    "deep json": ('{"asyncapi": ' + "[" * N, "a.json"),
    "deep introspection": ('{"__schema": ' + '{"a":' * N, "a.json"),
    "deep type of introspection": (
        json.dumps(
            {
                "__schema": {
                    "types": [{"kind": "OBJECT", "name": "Q", "fields": [{"name": "a", "type": 0}]}]
                }
            }
        ).replace('"type": 0', '"type": ' + '{"kind": "LIST", "ofType": ' * 90 + "3" + "}" * 90),
        "a.json",
    ),
    "many namespaces": ("<a " + " ".join(f'xmlns:a{i}="b"' for i in range(N)) + "/>", "a.wsdl"),
    "namespaces on every element": (
        "<a>" + "".join(f'<b xmlns:p{i}="x">' for i in range(90)) + "<c/>" * 10,
        "a.wsdl",
    ),
    "many attributes": ("<a " + " ".join(f'a{i}="b"' for i in range(N)) + "/>", "a.wsdl"),
    "huge number": ('{"asyncapi": ' + "9" * N + "}", "a.json"),
    "huge field number": ("message A { int32 a = " + "9" * N + "; }", "a.proto"),
    "nothing but markup": ("#" * 600_000, "a.md"),
}


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_are_refused(name):
    text, filename = BOMBS[name]
    assert refusal(text, filename)


MANY = {
    "elements": (
        WSDL.replace("</w:types>", "<w:documentation/>" * N + "</w:types>"), "a.wsdl",
    ),
    "elements named alike": (
        WSDL.replace(
            "    </xs:schema>",
            "".join(f'<xs:element name="e{i}" type="xs:int"/>' for i in range(20_000)) + "</xs:schema>",
        ),
        "a.wsdl",
    ),
    "fields": (GRAPHQL + "type Wide {" + "".join(f"f{i}: Int " for i in range(50_000)) + "}", "a.graphql"),
    "enum values": (GRAPHQL + "enum Wide {" + "".join(f"V{i} " for i in range(N)) + "}", "a.graphql"),
    "messages": (PROTO + "".join(f"message M{i} {{ Ship s = 1; }}" for i in range(20_000)), "a.proto"),
    "fields of a message": (
        PROTO + "message Wide {" + "".join(f"int32 f{i} = {i + 1};" for i in range(30_000)) + "}",
        "a.proto",
    ),
    "comments": ("// a\n" * N + PROTO, "a.proto"),
    "operations": (
        ASYNCAPI_3.replace(
            "components:",
            "".join(f"  o{i}: {{action: send, channel: {{$ref: '#/channels/berth'}}}}\n" for i in range(3_000))
            + "components:",
        ),
        "a.yaml",
    ),
    "table rows": ("# A\n| Method | Path |\n|-|-|\n" + "| GET | /a |\n" * 30_000, "a.md"),
    "open fences": ("# A\n" + "```\n~~~\n" * 30_000, "a.md"),
    "open links": ("# A\n" + "[" * 200_000, "a.md"),
    "blank paragraphs": ("# A\n" + "\n \n" * 100_000, "a.md"),
    "front matter": ("---\n" * 100_000, "a.md"),
}  # fmt: skip


@pytest.mark.parametrize("name", MANY)
def test_large_ones_are_read_in_time(name):
    text, filename = MANY[name]
    assert reads_or_refuses(text.encode(), filename)


def test_types_that_make_one_another_large_are_bounded():
    """A schema's references stay references, so nesting costs nothing."""
    types = "".join(
        f'<xs:complexType name="T{i}"><xs:sequence>'
        + "".join(f'<xs:element name="a{k}" type="t:T{i + 1}"/>' for k in range(10))
        + "</xs:sequence></xs:complexType>"
        for i in range(300)
    )
    assert read_description(WSDL.replace("    </xs:schema>", types + "</xs:schema>").encode())


def test_groups_that_hold_one_another_are_bounded():
    groups = "".join(
        f'<xs:group name="G{i}"><xs:sequence><xs:group ref="t:G{i + 1}"/><xs:group ref="t:G{i + 1}"/>'
        "</xs:sequence></xs:group>"
        for i in range(60)
    )
    used = '<xs:complexType name="H"><xs:group ref="t:G0"/></xs:complexType>'
    text = WSDL.replace("    </xs:schema>", groups + used + "</xs:schema>")
    assert reads_or_refuses(text.encode(), "a.wsdl")


def test_a_swagger_that_multiplies_its_media_types_is_refused():
    text = json.dumps(
        {
            "swagger": "2.0",
            "info": {"title": "T", "version": "1"},
            "produces": [f"a/{i}" for i in range(5_000)],
            "paths": {
                f"/{i}": {"get": {"responses": {"200": {"description": "", "schema": {}}}}}
                for i in range(2_000)
            },
        }
    )
    assert refusal(text)


# Archives


def entry(name, **changes):
    made = zipfile.ZipInfo(name)
    made.compress_type = zipfile.ZIP_DEFLATED
    for key, value in changes.items():
        setattr(made, key, value)
    return made


@pytest.mark.parametrize(
    "name",
    [
        "../openapi.yaml",
        "a/../../openapi.yaml",
        "/etc/openapi.yaml",
        "C:/openapi.yaml",
        "a\\b.yaml",
        "./openapi.yaml",
        "a//b.yaml",
        "a\u202eb.yaml",
        "a\nb.yaml",
        "a" * 400,
    ],
)
def test_names_that_lead_elsewhere_are_refused(name):
    assert "name" in refusal(zipped([(entry(name), "openapi: 3.1.0")]))[0].message


@pytest.mark.parametrize(
    "names",
    [
        ("a.yaml", "a.yaml"),
        ("a.yaml", "A.yaml"),
        ("stra\u00dfe.yaml", "STRASSE.yaml"),
        ("\u00e9.yaml", "e\u0301.yaml"),
    ],
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_names_that_some_system_takes_for_equal_are_refused(names):
    assert "twice" in refusal(zipped([(name, "a: 1") for name in names]))[0].message


def test_links_are_refused():
    link = entry("openapi.yaml", create_system=3, external_attr=(stat.S_IFLNK | 0o777) << 16)
    assert "link" in refusal(zipped([(link, "/etc/passwd")]))[0].message


def test_archives_inside_are_refused():
    inner = zipped({"openapi.yaml": "openapi: 3.1.0"})
    for name in ("a.zip", "openapi.yaml"):
        assert "another archive" in refusal(zipped({name: inner}))[0].message


def test_encrypted_and_odd_archives_are_refused():
    raw = bytearray(zipped({"openapi.yaml": "openapi: 3.1.0"}))
    at = raw.index(b"PK\x01\x02")
    raw[at + 8] |= 1
    assert "encrypted" in refusal(bytes(raw))[0].message
    odd = zipped({"openapi.yaml": "openapi: 3.1.0"}, zipfile.ZIP_LZMA)
    assert "compressed" in refusal(odd)[0].message


def test_a_bomb_is_refused_by_its_ratio_and_by_its_size():
    assert refusal(zipped({"a.yaml": b"\0" * (4 * 1024 * 1024)}))
    assert refusal(zipped({"a.yaml": b"\0" * (30 * 1024 * 1024)}))
    many = zipped({f"{i}.yaml": b" " * 100_000 for i in range(300)})
    assert refusal(many)


def test_a_bomb_that_lies_about_its_size_is_not_unpacked():
    raw = bytearray(zipped({"openapi.yaml": b" " * (50 * 1024 * 1024)}))
    for signature, place in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        at = raw.index(signature)
        raw[at + place : at + place + 4] = struct.pack("<I", 100)
    tracemalloc.start()
    try:
        assert refusal(bytes(raw))
        assert tracemalloc.get_traced_memory()[1] < 10 * 1024 * 1024
    finally:
        tracemalloc.stop()


def test_an_archive_of_too_many_files_is_refused_unread():
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for number in range(2_000):
            archive.writestr(f"{number}", "")
    assert "1000 files" in refusal(target.getvalue())[0].message


@pytest.mark.parametrize("cut", range(0, 400, 9))
def test_a_damaged_archive_is_refused_and_never_crashes(cut):
    raw = zipped({"openapi.yaml": "openapi: 3.1.0\n" * 10, "b.yaml": "a: 1"})
    assert reads_or_refuses(raw[:cut])
    spoiled = bytearray(raw)
    spoiled[cut % len(raw)] ^= 0xFF
    assert reads_or_refuses(bytes(spoiled))


def test_an_archive_larger_than_an_upload_may_be_is_refused():
    assert "MB" in refusal(b"PK\x03\x04" + b"\0" * MAX_BYTES)[0].message


# References


HEAD = "openapi: 3.0.3\ninfo: {title: T, version: '1'}\n"


def test_files_that_refer_to_one_another_for_ever_end():
    files = {
        "openapi.yaml": HEAD + "paths: {/a: {$ref: a.yaml}}",
        "a.yaml": "$ref: b.yaml",
        "b.yaml": "$ref: a.yaml",
    }
    assert "circle" in refusal(zipped(files))[0].hint
    files["openapi.yaml"] = HEAD + (
        "paths: {/a: {get: {responses: {'200': {description: a, content: {a/b: {schema: {$ref: a.yaml}}}}}}}}"
    )
    assert reads_or_refuses(zipped(files))


def test_files_that_multiply_one_another_are_refused():
    """Path items have no components in OpenAPI 3.0, so their files are copied."""
    files = {
        "openapi.yaml": HEAD
        + "paths:\n"
        + "".join(f"  /{i}: {{$ref: p.yaml}}\n" for i in range(3000))
    }
    files["p.yaml"] = "get: {responses: {}, x-a: [" + "1," * 5_000 + "1]}"
    assert "values" in refusal(zipped(files))[0].hint


def test_callbacks_inside_path_items_cannot_copy_themselves():
    files = {
        "openapi.yaml": HEAD + "paths: {/a: {$ref: p.yaml}}",
        "p.yaml": "get: {responses: {}, callbacks: {a: {'{$url}': {$ref: p.yaml}, b: {$ref: p.yaml}}}}",
    }
    assert refusal(zipped(files))


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/a",
        "https://127.0.0.1/a",
        "https://[::1]/a",
        "https://169.254.169.254/latest",
        "https://10.0.0.1/a",
        "https://localhost/a",
        "https://user:pw@example.com/a",
        "https://2130706433/a",
        "ftp://example.com/a",
        "file:///etc/passwd",
        "gopher://example.com/",
    ],
)
@pytest.mark.parametrize(
    "hosts", [(), ("example.com", "127.0.0.1", "localhost", "10.0.0.1", "[::1]")]
)
def test_private_and_odd_addresses_are_never_asked(url, hosts):
    raw = f"{HEAD}paths: {{/a: {{get: {{responses: {{'200': {{$ref: '{url}'}}}}}}}}}}".encode()
    with pytest.raises(InvalidSpecification) as caught:
        read_description(raw, fetch=lambda u: fetch_spec(u, only_hosts=hosts, timeout_seconds=1))
    assert caught.value.problems[0].hint


def test_more_documents_elsewhere_than_anybody_needs_are_refused():
    asked = []

    def fetch(url):
        asked.append(url)
        return f"$ref: 'https://example.com/{len(asked)}'".encode()

    raw = f"{HEAD}paths: {{/a: {{$ref: 'https://example.com/0'}}}}".encode()
    with pytest.raises(InvalidSpecification):
        read_description(raw, fetch=fetch)
    assert len(asked) <= 20


def test_a_descriptor_set_of_many_tiny_fields_is_bounded():
    raw = Encoder().message(1, Encoder().text(1, "a.proto")).raw + b"\x0a\x00" * 50_000
    assert reads_or_refuses(raw, "a.pb")
