"""Records of every dialect with values replaced, removed and moved, and bodies with damaged bytes."""

import gzip
import json
import random

from backports import zstd

from tests.analytics.formats import samples
from tests.analytics.formats import test_other_platforms as platforms
from tests.analytics.formats import test_other_settings as settings
from tests.analytics.formats.protobuf_writer import export_request

PER_DELIVERY = 20

DEEP_LIST = json.loads("[" * 300 + "]" * 300)
VALUES = [
    None, True, False, 0, -1, 1, -2**63, 2**63, 2**64, 10**30, 10**400, 1e308, -1e308, 5e-324, "NaN", "Infinity",
    "-Infinity", "1e999", "1e-999", "9" * 60, "", "-", "-1", " ", "x" * 5000, "\x00", "\ud83d", "a\tb\nc\x7f",
    "\\N", "\\", "'; DROP TABLE x; --", "İ" * 40, "ß" * 20, "２０２６", "½", "0x10", "1_000", "+5", "２", [], {},
    [[]], {"a": {"b": []}}, DEEP_LIST, ["x"] * 50, "2026-02-30T00:00:00Z", "9999-12-31T23:59:59.999999-12:00",
    "0001-01-01T00:00:00+14:00", "2026-W01-1", "2026-09-21T14:13:20.123456789Z", 253402300799, 1e18, "-0.0",
    "http://[", "//", "https://a:99999999/x?y#z", "?", "502, 200", " : ", ", , ,", "#5", "#", "%FF%00", {"": None},
    {"stringValue": {}}, {"intValue": "x"}, {"kvlistValue": []}, "ak_live_" + "a" * 36, "Bearer " + "z" * 40,
]  # fmt: skip

DOCUMENTS = {
    "own": samples.OWN, "kong": samples.KONG, "apisix": samples.APISIX, "envoy": samples.ENVOY,
    "nginx": samples.NGINX, "haproxy": samples.HAPROXY, "traefik": samples.TRAEFIK, "caddy": samples.CADDY,
    "tyk": samples.TYK, "aws": samples.AWS, "azure": samples.AZURE, "gravitee": samples.GRAVITEE,
    "cloudevents": samples.CLOUDEVENT, "otlp": samples.otlp(samples.OTLP_RECORD),
    "stream": samples.KONG_STREAM, "diagnostic": {"records": [samples.AZURE_DIAGNOSTIC]},
    "document": samples.GRAVITEE_DOCUMENT,
    "ingress": settings.INGRESS, "variables": settings.VARIABLES, "blog": settings.HAPROXY_BLOG,
    "full": settings.TRAEFIK_FULL, "old": settings.KONG_1, "mesh": platforms.ENVOY_GATEWAY,
    "http": platforms.AWS_HTTP, "exported": {"records": [platforms.ANALYTICS]}, "legacy": platforms.LEGACY,
}  # fmt: skip
DIALECT = {
    "stream": "kong", "diagnostic": "azure", "document": "gravitee", "ingress": "nginx", "variables": "nginx",
    "blog": "haproxy", "full": "traefik", "old": "kong", "mesh": "envoy", "http": "aws", "exported": "azure",
    "legacy": "gravitee",
}  # fmt: skip


class Mutator:
    def __init__(self, seed: int, records: int = PER_DELIVERY) -> None:
        self.rng = random.Random(seed)
        self.records = records

    def document(self, document):
        """A copy with some values replaced, removed, moved or doubled."""
        changed = json.loads(json.dumps(document))
        for _ in range(self.rng.randrange(4)):
            at = changed
            for _ in range(self.rng.randrange(6)):
                inner = [v for v in self._values(at) if isinstance(v, dict | list) and v]
                if not inner or self.rng.random() < 0.3:
                    break
                at = self.rng.choice(inner)
            self._change(at)
        return changed

    @staticmethod
    def _values(node):
        return list(node.values()) if isinstance(node, dict) else node

    def _change(self, node):
        keys = list(node) if isinstance(node, dict) else list(range(len(node)))
        if not keys:
            return
        key = self.rng.choice(keys)
        match self.rng.randrange(6):
            case 0:
                node.pop(key)
            case 1 if isinstance(node, dict):
                node[str(self.rng.choice(VALUES))[:50]] = node[key]
            case _:
                node[key] = self.rng.choice(VALUES)

    def text(self, document) -> bytes:
        try:
            text = json.dumps(document, ensure_ascii=self.rng.random() < 0.5)
        except ValueError:  # digits of a very large number
            text = "{}"
        return text.replace('"NaN"', "NaN").encode("utf-8", "surrogatepass")

    def damage(self, body: bytes) -> bytes:
        """Flip, cut, repeat and insert bytes."""
        rng, data = self.rng, bytearray(body)
        for _ in range(rng.randrange(1, 8)):
            if not data:
                break
            at = rng.randrange(len(data))
            match rng.randrange(6):
                case 0:
                    data[at] = rng.randrange(256)
                case 1:
                    del data[at : at + rng.randrange(1, 200)]
                case 2:
                    data[at:at] = data[at : at + rng.randrange(1, 200)]
                case 3:
                    data[at:at] = rng.choice(
                        [b"\xff\xfe", b"\x00", b'"', b"{", b"[", b"}", b"\n", b"\\u0000"]
                    )
                case 4:
                    data[at:at] = rng.choice([b"[", b'{"a":', b"("]) * rng.randrange(2000)
                case 5:
                    del data[at:]
        return bytes(data)

    def pack(self, body: bytes) -> bytes:
        match self.rng.randrange(12):
            case 0:
                return gzip.compress(body, 1)
            case 1:
                return zstd.compress(body)
            case 2:
                packed = gzip.compress(body, 1)
                return packed[: self.rng.randrange(len(packed))]
            case 3:
                return self.damage(zstd.compress(body))
        return body

    def delivery(self, name: str) -> bytes:
        """About `records` mutated records in one of the ways that the dialect has."""
        records = [self.text(self.document(DOCUMENTS[name])) for _ in range(self.records)]
        dialect, rng = DIALECT.get(name, name), self.rng
        if dialect == "aws" and rng.random() < 0.5:
            body = samples.firehose(*(self.pack(r) for r in records[: self.records // 2]), samples.cloudwatch(
                *(r.decode("utf-8", "replace") for r in records[self.records // 2 :])))  # fmt: skip
        elif dialect == "tyk":
            body = rng.choice([b"", b"\n", b" "]).join(records)
        elif name == "document":
            lines = [
                line for r in records for line in (b'{"index":{"_index":"gravitee-v4-metrics"}}', r)
            ]
            body = b"\n".join(lines)
        elif rng.random() < 0.3:
            body = b"[" + b",".join(records) + b"]"
        else:
            body = rng.choice([b"\n", b"\r\n\n"]).join(records)
        return self.pack(self.damage(body) if rng.random() < 0.3 else body)

    def protobuf(self) -> bytes:
        return self.pack(
            self.damage(export_request(samples.otlp(*[samples.OTLP_RECORD] * self.records)))
        )

    def form(self) -> bytes:
        transactions = [
            {name: str(self.rng.choice([*VALUES, "1", "2", "abc"]))[:200]
             for name in ("[user_key]", "[usage][hits]", "[usage][x]", "[timestamp]", "[log][code]", "[log]", "[id]")
             if self.rng.random() < 0.7}
            for _ in range(self.records)
        ]  # fmt: skip
        body = samples.threescale(
            *[
                {k: v.encode("utf-8", "replace").decode() for k, v in t.items()}
                for t in transactions
            ],
            service_id="7",
        )
        return self.damage(body) if self.rng.random() < 0.3 else body


def deliveries(records: int, seed: int, per_delivery: int = PER_DELIVERY):
    """Name (empty: to be recognised), content type and body of each."""
    mutate = Mutator(seed, per_delivery)
    names = [*DOCUMENTS, "protobuf", "3scale"]
    for number in range(records // per_delivery):
        name = names[number % len(names)]
        if name == "protobuf":
            yield "otlp", "application/x-protobuf", mutate.protobuf()
        elif name == "3scale":
            yield "3scale", "", mutate.form()
        else:
            told = DIALECT.get(name, name) if mutate.rng.random() < 0.5 else ""
            yield told, "application/json", mutate.delivery(name)
