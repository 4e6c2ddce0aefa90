"""Which members of an organization may do what in the portal."""

from apim.accounts.models import Membership

# Create applications, subscribe them, handle their keys.
BUILDERS = (Membership.Role.OWNER, Membership.Role.MEMBER)
# See what is owed.
PAYERS = (Membership.Role.OWNER, Membership.Role.BILLING)
