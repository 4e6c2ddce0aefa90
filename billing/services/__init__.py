"""Changes of prices, of what subscriptions have agreed to, and of credit."""

from billing.services.add_ons import (
    add_to_subscription,
    create_add_on,
    end_add_on,
    reprice_add_on,
    withdraw_add_on,
)
from billing.services.changes import apply_due_changes, change_now, plan_change, withdraw_change
from billing.services.credits import (
    expire_credits,
    grant_credit,
    pay_by_credit,
    return_credit,
    void_credit,
)
from billing.services.discounts import end_discount, give_discount
from billing.services.freezing import freeze_period
from billing.services.meters import CALLS, calls_meter, create_meter, rename_meter
from billing.services.prices import (
    CURRENCIES,
    change_draft,
    delete_draft,
    draft_version,
    end_private_version,
    publish_version,
    set_price,
)
from billing.services.subscribing import subscribe
from billing.services.tenures import choose_currency, note_missing, note_subscription

__all__ = [
    "CALLS",
    "CURRENCIES",
    "add_to_subscription",
    "apply_due_changes",
    "calls_meter",
    "change_draft",
    "change_now",
    "choose_currency",
    "create_add_on",
    "create_meter",
    "delete_draft",
    "draft_version",
    "end_add_on",
    "end_discount",
    "end_private_version",
    "expire_credits",
    "freeze_period",
    "give_discount",
    "grant_credit",
    "note_missing",
    "note_subscription",
    "pay_by_credit",
    "plan_change",
    "publish_version",
    "rename_meter",
    "reprice_add_on",
    "return_credit",
    "set_price",
    "subscribe",
    "void_credit",
    "withdraw_add_on",
    "withdraw_change",
]
