from __future__ import annotations

from apim.core.errors import DomainError, TransientError


class BodyTooLarge(DomainError):
    code = "body_too_large"
    status = 413
    title = "The delivery is too large: send at most 10 MB expanded and 50,000 records at once"


class BodyUnreadable(DomainError):
    code = "body_unreadable"
    status = 400
    title = "The delivery cannot be read: is it damaged gzip or Zstandard?"


class UnknownFormat(DomainError):
    code = "unknown_format"
    status = 404
    title = "This format of usage is not known"


class OnlyPosted(DomainError):
    code = "method_not_allowed"
    status = 405
    title = "Usage is sent by POST"


class Busy(DomainError):
    code = "busy"
    status = 429
    title = "Too many deliveries at once: send it again"


class NotStored(TransientError):
    code = "not_stored"
    title = "The delivery was not stored: send it again"
