"""All objects, in memory and in one SQLite file.

Objects are plain dicts as Stripe shows them, plus what only the simulator knows under "_". A unit
of work is one request or one step of time: `commit` keeps it whole, `rollback` forgets it whole.
"""

import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import msgspec

Obj = dict[str, Any]
# Fields that objects are looked up by.
INDEXED = (
    *("customer", "subscription", "invoice", "test_clock", "product", "payment_intent", "charge"),
    *(
        "lookup_key",
        "event_name",
        "identifier",
        "meter",
        "status",
        "coupon",
        "credit_grant",
        "fresh",
    ),
)


class Store:
    """`path` is a file, or ":memory:"."""

    def __init__(self, path: str) -> None:
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.execute(
            "CREATE TABLE IF NOT EXISTS objects"
            " (id TEXT PRIMARY KEY, kind TEXT NOT NULL, seq INTEGER NOT NULL, body BLOB NOT NULL)"
        )
        self._rows: dict[str, tuple[str, int, bytes]] = {}
        self._index: dict[str, set[str]] = defaultdict(set)
        self._keys: dict[str, set[str]] = {}
        self._due: dict[str, tuple[str, int]] = {}
        self._loaded: dict[str, Obj] = {}
        self._undo: dict[str, tuple[str, int, bytes] | None] = {}
        self._seq = 0
        for object_id, kind, seq, body in self._db.execute(
            "SELECT id, kind, seq, body FROM objects"
        ):
            self._set(object_id, (kind, seq, body))

    def get(self, kind: str, object_id: object) -> Obj | None:
        """Return the live object: what is changed in it is kept by the next commit."""
        found = self._loaded.get(str(object_id))
        if found is None:
            row = self._rows.get(str(object_id))
            if row is None:
                return None
            found = self._loaded[str(object_id)] = msgspec.json.decode(row[2])
        return found if found["object"] == kind else None

    def put(self, obj: Obj) -> Obj:
        self._loaded[obj["id"]] = obj
        self._flush()
        return obj

    def delete(self, obj: Obj) -> None:
        self._loaded.pop(obj["id"], None)
        self._remember(obj["id"])
        self._set(obj["id"], None)

    def find(self, kind: str, **by: str) -> list[Obj]:
        """Return objects, oldest first, whose indexed fields have these values."""
        return [obj for object_id in self._ids(kind, by) if (obj := self.get(kind, object_id))]

    def ids(self, kind: str, **by: str) -> list[str]:
        return self._ids(kind, by)

    def count(self, kind: str) -> int:
        return len(self._index.get(kind, ()))

    def due(self) -> Iterator[tuple[int, str, str]]:
        """Yield (when, frame of time, object id) of everything that time will change."""
        self._flush()
        for object_id, (frame, when) in self._due.items():
            yield when, frame, object_id

    def kind_of(self, object_id: str) -> str | None:
        row = self._rows.get(object_id)
        return row[0] if row else None

    def commit(self) -> None:
        self._flush()
        if self._undo:
            self._db.execute("BEGIN")
            for object_id in self._undo:
                row = self._rows.get(object_id)
                if row is None:
                    self._db.execute("DELETE FROM objects WHERE id = ?", (object_id,))
                else:
                    self._db.execute(
                        "INSERT INTO objects VALUES (?, ?, ?, ?)"
                        " ON CONFLICT (id) DO UPDATE SET body = excluded.body",
                        (object_id, *row),
                    )
            self._db.execute("COMMIT")
        self._undo.clear()
        self._loaded.clear()

    def rollback(self) -> None:
        self._loaded.clear()
        for object_id, row in self._undo.items():
            self._set(object_id, row)
        self._undo.clear()

    def clear(self) -> None:
        """Forget everything, for good."""
        self._db.execute("DELETE FROM objects")
        for place in (self._rows, self._index, self._keys, self._due, self._loaded, self._undo):
            place.clear()
        self._seq = 0

    def close(self) -> None:
        self._db.close()

    def _ids(self, kind: str, by: dict[str, str]) -> list[str]:
        self._flush()
        ids = self._index.get(kind, set())
        for field, value in by.items():
            ids = ids & self._index.get(f"{kind}.{field}={value}", set())
        return sorted(ids, key=lambda object_id: self._rows[object_id][1])

    def _flush(self) -> None:
        """Write what was changed through to rows and indexes, remembering how it was."""
        for object_id, obj in self._loaded.items():
            body = msgspec.json.encode(obj)
            row = self._rows.get(object_id)
            if row is not None and row[2] == body:
                continue
            self._remember(object_id)
            if row is None:
                self._seq += 1
            seq = row[1] if row else self._seq
            self._set(object_id, (obj["object"], seq, body))

    def _remember(self, object_id: str) -> None:
        self._undo.setdefault(object_id, self._rows.get(object_id))

    def _set(self, object_id: str, row: tuple[str, int, bytes] | None) -> None:
        for key in self._keys.pop(object_id, ()):
            self._index[key].discard(object_id)
        self._due.pop(object_id, None)
        if row is None:
            self._rows.pop(object_id, None)
            return
        self._rows[object_id] = row
        self._seq = max(self._seq, row[1])
        obj = msgspec.json.decode(row[2])
        keys = self._keys[object_id] = _keys(obj)
        for key in keys:
            self._index[key].add(object_id)
        hidden = obj.get("_", {})
        if hidden.get("due") is not None:
            self._due[object_id] = (hidden.get("clock") or "", hidden["due"])


def _keys(obj: Obj) -> set[str]:
    kind = obj["object"]
    hidden = obj.get("_", {})
    fields = {name: obj.get(name, hidden.get(name)) for name in INDEXED}
    return {kind} | {
        f"{kind}.{name}={value}" for name, value in fields.items() if isinstance(value, str)
    }
