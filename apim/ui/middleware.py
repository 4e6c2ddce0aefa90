"""The one place where a DomainError raised by an HTML view becomes an answer."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from apim.core.errors import DomainError
from apim.ui.errors import domain_error_page


class DomainErrorMiddleware:
    """Lets views raise domain errors instead of building error pages."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Anything else stays an exception and becomes a 500."""
        return domain_error_page(request, exception) if isinstance(exception, DomainError) else None
