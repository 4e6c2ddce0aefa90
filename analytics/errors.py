from __future__ import annotations

from apim.core.errors import DomainError, TransientError


class BodyTooLarge(DomainError):
    code = "body_too_large"
    status = 413
    title = "The delivery is too large: at most 10 MB expanded and 50,000 records"


class BodyUnreadable(DomainError):
    code = "body_unreadable"
    status = 400
    title = "The delivery is compressed but cannot be expanded"


class Busy(DomainError):
    code = "busy"
    status = 429
    title = "Too many deliveries at once: send it again"


class NotStored(TransientError):
    code = "not_stored"
    title = "The delivery was not stored: send it again"
