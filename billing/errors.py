"""What billing refuses."""

from django.utils.translation import gettext_lazy as _

from apim.core.errors import InvalidInput


class UnknownCurrency(InvalidInput):
    code = "unknown_currency"
    title = _("The currency is not one that we bill in")
