"""A Stripe of our own, for machines without Stripe keys and for tests.

`granian --interface asgi billing.stripe_simulator.app:app`. Reached through the real SDK by base
address; keeps Stripe's documented rules, and refuses what it does not know instead of guessing
(docs/adr/0019). Knows neither Django nor the SDK.
"""
