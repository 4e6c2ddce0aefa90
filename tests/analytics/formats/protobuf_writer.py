"""Writes ExportLogsServiceRequest from its JSON form: the other direction, independently."""

import struct


def _varint(value: int) -> bytes:
    out = b""
    value &= 2**64 - 1
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def _field(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _value(value: dict) -> bytes:
    ((kind, content),) = value.items()
    match kind:
        case "stringValue":
            return _field(1, content.encode())
        case "boolValue":
            return b"\x10" + _varint(content)
        case "intValue":
            return b"\x18" + _varint(int(content))
        case "doubleValue":
            return b"\x21" + struct.pack("<d", content)
        case "arrayValue":
            return _field(5, b"".join(_field(1, _value(one)) for one in content["values"]))
        case "kvlistValue":
            return _field(6, b"".join(_pair(1, one) for one in content["values"]))
    raise AssertionError(kind)


def _pair(number: int, pair: dict) -> bytes:
    return _field(number, _field(1, pair["key"].encode()) + _field(2, _value(pair["value"])))


def _log_record(record: dict) -> bytes:
    out = b"\x09" + struct.pack("<Q", int(record["timeUnixNano"]))
    if "body" in record:
        out += _field(5, _value(record["body"]))
    out += b"".join(_pair(6, pair) for pair in record["attributes"])
    out += b"\x45" + struct.pack("<I", 1)  # flags
    out += _field(9, bytes.fromhex(record["traceId"])) + _field(10, bytes.fromhex(record["spanId"]))
    return out + b"\x59" + struct.pack("<Q", int(record["observedTimeUnixNano"]))


def export_request(document: dict) -> bytes:
    out = b""
    for resource_logs in document["resourceLogs"]:
        attributes = resource_logs["resource"]["attributes"]
        inner = _field(1, b"".join(_pair(1, pair) for pair in attributes))
        for scope_logs in resource_logs["scopeLogs"]:
            records = b"".join(_field(2, _log_record(one)) for one in scope_logs["logRecords"])
            inner += _field(2, _field(1, _field(1, b"usage")) + records)
        out += _field(1, inner)
    return out
