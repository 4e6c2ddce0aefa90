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
AUDIT = (SUPPORT,)
OPERATIONS = (PUBLISHER, SUPPORT)
ADMIN_ONLY: tuple[StaffRole, ...] = (StaffRole.ADMIN,)
