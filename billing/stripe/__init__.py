"""Stripe: what we tell it, what it tells us, and proof that the two agree.

Only `adapter` imports the SDK; the rest speaks to the Protocol in `ports`.
"""
