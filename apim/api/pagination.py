"""Pages by keyset: stable while rows are added, as fast on page 1,000 as on page 1."""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.utils.translation import gettext as _
from rest_framework.pagination import BasePagination
from rest_framework.response import Response

from apim.core.errors import InvalidInput

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from rest_framework.request import Request
    from rest_framework.views import APIView

DEFAULT_SIZE = 50
MAX_SIZE = 200
PAGE_PARAMETERS = ("cursor", "limit", "ordering")
NEWEST_FIRST = "-created_at"
OLDEST_FIRST = "created_at"

# Which side of which row the page begins at; 18 digits stay within a bigint.
_POSITION = re.compile(r"(after|before):([0-9]{1,18})")


class InvalidCursor(InvalidInput):
    code = "invalid_cursor"


class CursorPages(BasePagination):
    """`?limit=` rows of the list at `?cursor=`, newest first or by `?ordering=`.

    Rows are ordered by primary key, which is the order of creation.
    """

    def paginate_queryset(  # type: ignore[override]  # lists of ours are querysets
        self, queryset: QuerySet[Any], request: Request, view: APIView | None = None
    ) -> list[Any]:
        """Read one page and whether there is more. Raises InvalidInput."""
        del view
        self.request = request
        size = _size(request.query_params.get("limit"))
        is_descending = _is_descending(request.query_params.get("ordering"))
        side, position = _decode(request.query_params.get("cursor"))
        backwards = side == "before"
        rows = queryset
        if position is not None:
            # Going forward in a descending list, or back in an ascending one, the ids fall.
            falling = is_descending != backwards
            rows = rows.filter(**{"pk__lt" if falling else "pk__gt": position})
        found = list(rows.order_by("-pk" if is_descending != backwards else "pk")[: size + 1])
        has_more = len(found) > size
        page = found[:size]
        if backwards:
            page.reverse()
        self.has_next = bool(page) if backwards else has_more
        self.has_previous = has_more if backwards else position is not None and bool(page)
        self.page = page
        return page

    def get_paginated_response(self, data: Any) -> Response:
        following = self._link(f"after:{self.page[-1].pk}") if self.has_next else None
        preceding = self._link(f"before:{self.page[0].pk}") if self.has_previous else None
        return Response({"results": data, "next": following, "previous": preceding})

    def _link(self, position: str) -> str:
        cursor = base64.urlsafe_b64encode(position.encode()).decode().rstrip("=")
        query = {**self.request.query_params.dict(), "cursor": cursor}
        path: str = self.request.build_absolute_uri(self.request.path)
        return f"{path}?{urlencode(query)}"

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        link = {"type": ["string", "null"], "format": "uri"}
        return {
            "type": "object",
            "required": ["results", "next", "previous"],
            "properties": {
                "results": schema,
                "next": {**link, "description": "Address of the next page, null on the last."},
                "previous": {
                    **link,
                    "description": "Address of the page before, null on the first.",
                },
            },
        }

    def get_schema_operation_parameters(self, view: APIView) -> list[dict[str, Any]]:
        del view
        return [
            _parameter("cursor", "Where the page begins: taken from `next` or `previous`.", {}),
            _parameter(
                "limit",
                "Rows per page.",
                {"type": "integer", "minimum": 1, "maximum": MAX_SIZE, "default": DEFAULT_SIZE},
            ),
            _parameter(
                "ordering",
                "Newest or oldest first.",
                {"enum": [NEWEST_FIRST, OLDEST_FIRST], "default": NEWEST_FIRST},
            ),
        ]


def _parameter(name: str, description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": name,
        "in": "query",
        "required": False,
        "description": description,
        "schema": {"type": "string", **schema},
    }


def _size(raw: str | None) -> int:
    if raw is None:
        return DEFAULT_SIZE
    if not raw.isascii() or not raw.isdigit() or not 1 <= int(raw[:6]) <= MAX_SIZE:
        message = _("Write a whole number from 1 to %(most)d.") % {"most": MAX_SIZE}
        raise InvalidInput(fields={"limit": [message]}, source="query")
    return int(raw)


def _is_descending(raw: str | None) -> bool:
    if raw not in {None, NEWEST_FIRST, OLDEST_FIRST}:
        message = _("Write created_at or -created_at.")
        raise InvalidInput(fields={"ordering": [message]}, source="query")
    return raw != OLDEST_FIRST


def _decode(raw: str | None) -> tuple[str, int | None]:
    if raw is None:
        return "after", None
    try:
        text = base64.urlsafe_b64decode(raw + "=" * (-len(raw) % 4)).decode("ascii")
    except (binascii.Error, ValueError):
        text = ""
    match = _POSITION.fullmatch(text)
    if match is None:
        message = _("Take the cursor from `next` or `previous`, unchanged.")
        raise InvalidCursor(fields={"cursor": [message]}, source="query")
    return match[1], int(match[2])
