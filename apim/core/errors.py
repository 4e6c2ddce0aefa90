"""The one family of errors that people and programs are meant to see.

Each surface renders them in one place: `apim.api.problems` as RFC 9457 problem+json,
`apim.ui.middleware` as a page.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from django_stubs_ext import StrOrPromise


class DomainError(Exception):
    """A rule of the product refused the request.

    `code` is stable and machine-readable, `status` the HTTP status, the message a sentence that
    says what to change. `fields` maps a form field to its messages.
    """

    code: ClassVar[str] = "error"
    status: ClassVar[int] = 400
    title: ClassVar[StrOrPromise] = "The request cannot be carried out"

    def __init__(
        self,
        message: str | None = None,
        *,
        fields: Mapping[str, Sequence[str]] | None = None,
        **extra: Any,
    ) -> None:
        self.message = message or str(self.title)
        self.fields = {name: list(messages) for name, messages in (fields or {}).items()}
        self.extra = extra
        super().__init__(self.message)


class NotFound(DomainError):
    """Missing and forbidden look the same where existence is private."""

    code = "not_found"
    status = 404
    title: ClassVar[StrOrPromise] = "Not found"


class PermissionMissing(DomainError):
    code = "permission_missing"
    status = 403
    title: ClassVar[StrOrPromise] = "You may not do this"


class InvalidInput(DomainError):
    code = "invalid_input"
    status = 422
    title: ClassVar[StrOrPromise] = "Some of the input is not valid"


class Conflict(DomainError):
    """The object is not in the state this change starts from, or another request came first."""

    code = "conflict"
    status = 409
    title: ClassVar[StrOrPromise] = "The object has changed"


class TransientError(DomainError):
    """Something outside is unavailable; the same request may succeed later."""

    code = "temporarily_unavailable"
    status = 503
    title: ClassVar[StrOrPromise] = "Temporarily unavailable"
