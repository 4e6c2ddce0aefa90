"""Who hears which outbox topic: topic -> names of Celery tasks, each taking the topic's payload.

The only place where a lower app's news meets an upper app's work.
"""

from apim.outbox.registry import Subscriber, register

# Authorizers and Envoy: at once, because a revoked key must stop within a second.
_KEY = Subscriber("gateway.project_key", immediate=True)
_APPLICATION = Subscriber("gateway.project_application", immediate=True)
_SUBSCRIPTION = Subscriber("gateway.project_subscription", immediate=True)
# Money is in no hurry.
_TENURE = Subscriber("billing.note_subscription")
_ORGANIZATION = Subscriber("gateway.project_organization", immediate=True)
_PLAN = Subscriber("gateway.project_plan", immediate=True)
_PRODUCT = Subscriber("gateway.project_product", immediate=True)
_VERSION = Subscriber("gateway.serve_version", immediate=True)

# Mails, one entry for each person.
_EXPIRY_MAIL = Subscriber("keys.mail_expiry")
_LEAK_MAIL = Subscriber("keys.mail_leak")

SUBSCRIBERS: dict[str, tuple[Subscriber, ...]] = {
    "key.issued": (_KEY,),
    "key.rotated": (_KEY,),
    "key.changed": (_KEY,),
    "key.revoked": (_KEY,),
    "key.expires_soon": (_EXPIRY_MAIL,),
    "key.leaked": (_LEAK_MAIL,),
    "application.changed": (_APPLICATION,),
    "subscription.changed": (_SUBSCRIPTION, _TENURE),
    "invoice.unpaid": (Subscriber("billing.remind_of_invoice"),),
    "trial.needs_method": (Subscriber("billing.mail_trial"),),
    "reconciliation.requested": (Subscriber("billing.compare"),),
    "plan_version.moving": (Subscriber("billing.announce_version"),),
    "organization.changed": (_ORGANIZATION,),
    "plan.changed": (_PLAN,),
    "product.changed": (_PRODUCT,),
    "api_version.published": (_VERSION,),
    "api_version.changed": (_VERSION,),
    "api_version.deprecated": (_VERSION, Subscriber("keys.announce_deprecation")),
    "api_version.retired": (_VERSION,),
    "api_version.revised": (Subscriber("keys.announce_revision"),),
    "api_version.broke": (Subscriber("keys.mail_breaking_revision"),),
    "api_version.will_end": (Subscriber("keys.mail_version_end"),),
    "spec_revision.uploaded": (Subscriber("catalog.lint_revision", immediate=True),),
    "spec_revision.unjudged": (Subscriber("catalog.lint_revision"),),
    "ruleset.changed": (Subscriber("catalog.lint_again"),),
    "foreign_mapping.changed": (Subscriber("analytics.reattribute"),),
    "quarantine.replay_asked": (Subscriber("analytics.replay_quarantine"),),
}

register(SUBSCRIBERS)
