"""Which staff role sees which part of the dashboard. Admins pass everywhere (see policies)."""

from apim.accounts.models import StaffRole

PUBLISHER = StaffRole.PUBLISHER
FINANCE = StaffRole.FINANCE
SUPPORT = StaffRole.SUPPORT

ANY = (PUBLISHER, FINANCE, SUPPORT)
CATALOG = (PUBLISHER,)
CUSTOMERS = (PUBLISHER, SUPPORT)
TRAFFIC = (PUBLISHER, SUPPORT)
MONEY = (FINANCE,)
# What things cost is the publisher's to say as well as finance's.
PRICING = (PUBLISHER, FINANCE)
AUDIT = (SUPPORT,)
OPERATIONS = (PUBLISHER, SUPPORT)
ADMIN_ONLY: tuple[StaffRole, ...] = (StaffRole.ADMIN,)
