"""Errors in Stripe's JSON shape (docs.stripe.com/api/errors)."""

from typing import Any


class StripeProblem(Exception):
    """An answer that is an error. `code` is stable; the message is for people."""

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        kind: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
        reason: str = "",
        **more: Any,
    ) -> None:
        super().__init__(message)
        self.reason = reason  # of a 429, said in a header: docs.stripe.com/rate-limits
        self.status = status
        self.code = code
        self.keeps_changes = False  # what the request did before it failed stays, or goes
        known = {"type": kind, "code": code, "message": message, "param": param, **more}
        self.error = {name: value for name, value in known.items() if value is not None}

    def body(self) -> dict[str, Any]:
        return {"error": self.error}


def missing(what: str, object_id: object, *, param: str = "id") -> StripeProblem:
    """Return the 404 for an id that is not known, as Stripe words it."""
    return StripeProblem(
        f"No such {what}: '{object_id}'", status=404, code="resource_missing", param=param
    )


def required(param: str) -> StripeProblem:
    return StripeProblem(f"Missing required param: {param}.", code="parameter_missing", param=param)


def wrong(message: str, param: str | None = None, code: str | None = None) -> StripeProblem:
    return StripeProblem(message, param=param, code=code)


def not_simulated(what: str, param: str | None = None) -> StripeProblem:
    """Refuse what Stripe can do and the simulator cannot: a silent difference would be a lie."""
    return StripeProblem(
        f"Stripe accepts this, the simulator does not: {what}. See docs/adr/0019.",
        code="not_simulated",
        param=param,
    )
