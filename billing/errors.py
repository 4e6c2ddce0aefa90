"""What billing refuses."""

from django.utils.translation import gettext_lazy as _

from apim.core.errors import Conflict, InvalidInput


class UnknownCurrency(InvalidInput):
    code = "unknown_currency"
    title = _("The currency is not one that we bill in")


class VersionPublished(Conflict):
    code = "plan_version_published"
    title = _("This version is published and no longer changes; make a new one")


class NoticeTooShort(InvalidInput):
    code = "notice_too_short"
    title = _("Subscribers have to hear of it earlier")


class NotInCurrency(Conflict):
    code = "not_in_currency"
    title = _("The plan has no price in the subscription's currency")


class OnlyAtPeriodEnd(Conflict):
    code = "only_at_period_end"
    title = _("This change is possible at the end of the billing period only")


class ChangeNotPossible(Conflict):
    code = "change_not_possible"
    title = _("The subscription is not in a state for this change")


class ChangeSettled(Conflict):
    code = "change_settled"
    title = _("The planned change has been carried out or withdrawn")


class PaymentMethodNeeded(Conflict):
    code = "payment_method_needed"
    title = _("This plan needs a payment method: add one first")


class StatementTooOld(Conflict):
    code = "statement_too_old"
    title = _("The costs were worked out too long ago: look at them again")


class CreditTooSmall(Conflict):
    code = "credit_too_small"
    title = _("Not so much is left of the credit")


class DiscountEnded(Conflict):
    code = "discount_ended"
    title = _("The discount has ended")


class AddOnHeld(Conflict):
    code = "add_on_held"
    title = _("The subscription already holds this add-on")


class AddOnNotOffered(Conflict):
    code = "add_on_not_offered"
    title = _("The add-on is not offered for this subscription")


class PeriodNotEnded(Conflict):
    code = "period_not_ended"
    title = _("The billing period has not ended")
