"""What is said of each kind of change of a schema. Keywords of JSON Schema are not translated."""

from __future__ import annotations

from django.utils.translation import gettext_noop

# By the end of the code, or by the action for bounds.
WORDS: dict[str, str] = {
    "increased": gettext_noop("%(keyword)s was raised from %(before)s to %(after)s"),
    "decreased": gettext_noop("%(keyword)s was lowered from %(before)s to %(after)s"),
    "set": gettext_noop("%(keyword)s was set to %(after)s"),
    "unset": gettext_noop("%(keyword)s %(before)s was removed"),
    "type-changed": gettext_noop("the type changed from %(before)s to %(after)s"),
    "type-generalized": gettext_noop("the type was widened from %(before)s to %(after)s"),
    "type-specialized": gettext_noop("the type was narrowed from %(before)s to %(after)s"),
    "type-compatible": gettext_noop(
        "the type changed from %(before)s to %(after)s, which looks the same when sent"
    ),
    "list-of-types-widened": gettext_noop("may now also be %(names)s"),
    "list-of-types-narrowed": gettext_noop("may no longer be %(names)s"),
    "became-nullable": gettext_noop("may now be null"),
    "became-not-nullable": gettext_noop("may no longer be null"),
    "schema-became-false": gettext_noop("no value is allowed any more"),
    "schema-became-not-false": gettext_noop("values are allowed now, where none was"),
    "became-enum": gettext_noop("is now restricted to a list of values: %(names)s"),
    "became-not-enum": gettext_noop("is no longer restricted to a list of values"),
    "enum-value-removed": gettext_noop("the value %(name)s was removed from the list"),
    "enum-value-added": gettext_noop("the value %(name)s was added to the list"),
    "x-extensible-enum-value-removed": gettext_noop(
        "the value %(name)s was removed from the extensible list"
    ),
    "x-extensible-enum-value-added": gettext_noop(
        "the value %(name)s was added to the extensible list"
    ),
    "const-added": gettext_noop("must now be %(after)s"),
    "const-removed": gettext_noop("need no longer be %(before)s"),
    "const-changed": gettext_noop("must now be %(after)s instead of %(before)s"),
    "default-value-added": gettext_noop("has a default now: %(after)s"),
    "default-value-removed": gettext_noop("has no default any more; it was %(before)s"),
    "default-value-changed": gettext_noop("the default changed from %(before)s to %(after)s"),
    "pattern-added": gettext_noop("must now match the pattern %(after)s"),
    "pattern-removed": gettext_noop("need no longer match the pattern %(before)s"),
    "pattern-changed": gettext_noop("the pattern changed from %(before)s to %(after)s"),
    "pattern-generalized": gettext_noop(
        "the pattern was widened from %(before)s to %(after)s"
    ),
    "unique-items-set": gettext_noop("elements must now differ from each other"),
    "unique-items-unset": gettext_noop("elements may now repeat"),
    "multiple-of-set": gettext_noop("must now be a multiple of %(after)s"),
    "multiple-of-unset": gettext_noop("need no longer be a multiple of %(before)s"),
    "multiple-of-changed": gettext_noop(
        "must now be a multiple of %(after)s instead of %(before)s"
    ),
    "multiple-of-generalized": gettext_noop(
        "need only be a multiple of %(after)s, no longer of %(before)s"
    ),
    "multiple-of-specialized": gettext_noop(
        "is now always a multiple of %(after)s, before of %(before)s"
    ),
    "content-media-type-changed": gettext_noop(
        "contentMediaType changed from %(before)s to %(after)s"
    ),
    "content-encoding-changed": gettext_noop(
        "contentEncoding changed from %(before)s to %(after)s"
    ),
    "keyword-added": gettext_noop("the restriction %(keyword)s was added"),
    "keyword-removed": gettext_noop("the restriction %(keyword)s was removed"),
    "dependent-required-added": gettext_noop("with %(name)s, %(after)s must now be given"),
    "dependent-required-removed": gettext_noop("with %(name)s, %(before)s need no longer be given"),
    "dependent-required-changed": gettext_noop(
        "what must be given with %(name)s changed from %(before)s to %(after)s"
    ),
    "dependent-schema-added": gettext_noop("a schema for when %(name)s is given was added"),
    "dependent-schema-removed": gettext_noop("the schema for when %(name)s is given was removed"),
    "pattern-property-added": gettext_noop(
        "names that match %(name)s have a schema of their own now"
    ),
    "pattern-property-removed": gettext_noop(
        "names that match %(name)s have no schema of their own any more"
    ),
    "additional-properties-forbidden": gettext_noop("other properties are no longer allowed"),
    "additional-properties-allowed": gettext_noop("other properties are allowed now"),
    "additional-properties-restricted": gettext_noop("other properties must now match a schema"),
    "additional-properties-freed": gettext_noop("other properties need no longer match a schema"),
    "all-of-added": gettext_noop("must now also match %(names)s (allOf)"),
    "all-of-removed": gettext_noop("need no longer match %(names)s (allOf)"),
    "all-of-added-annotation-only": gettext_noop("a remark was added to allOf: %(names)s"),
    "all-of-removed-annotation-only": gettext_noop("a remark was removed from allOf: %(names)s"),
    "one-of-added": gettext_noop("may now also be %(names)s (oneOf)"),
    "one-of-removed": gettext_noop("may no longer be %(names)s (oneOf)"),
    "any-of-added": gettext_noop("may now also be %(names)s (anyOf)"),
    "any-of-removed": gettext_noop("may no longer be %(names)s (anyOf)"),
    "alternatives-changed": gettext_noop("the alternatives (%(keyword)s) changed"),
    "wrapped-in-one-of": gettext_noop(
        "is now one of several schemas, none of which is the one it was"
    ),
    "wrapped-in-one-of-original-preserved": gettext_noop(
        "is now one of several schemas; the one it was is among them"
    ),
    "prefix-items-added": gettext_noop("the schema of element %(name)s was added (prefixItems)"),
    "prefix-items-removed": gettext_noop(
        "the schema of element %(name)s was removed (prefixItems)"
    ),
    "discriminator-added": gettext_noop("has a discriminator now: %(after)s"),
    "discriminator-removed": gettext_noop("has no discriminator any more; it was %(before)s"),
    "discriminator-property-name-changed": gettext_noop(
        "the discriminator is now %(after)s instead of %(before)s"
    ),
    "discriminator-mapping-added": gettext_noop("the discriminator knows %(names)s now"),
    "discriminator-mapping-deleted": gettext_noop("the discriminator no longer knows %(names)s"),
    "discriminator-mapping-changed": gettext_noop(
        "the discriminator's %(name)s is now %(after)s instead of %(before)s"
    ),
    "property-removed": gettext_noop("was removed"),
    "property-added": gettext_noop("was added"),
    "property-added-required": gettext_noop("was added and is required"),
    "property-added-with-default": gettext_noop("was added and is required; it has a default"),
    "became-required": gettext_noop("is required now"),
    "became-required-with-default": gettext_noop("is required now; it has a default"),
    "became-optional": gettext_noop("is no longer required"),
    "became-read-only": gettext_noop("is read-only now"),
    "became-not-read-only": gettext_noop("is no longer read-only"),
    "became-write-only": gettext_noop("is write-only now"),
    "became-not-write-only": gettext_noop("is no longer write-only"),
    "deprecated": gettext_noop("is deprecated now"),
    "deprecated-with-sunset": gettext_noop("is deprecated now and ends on %(after)s"),
    "deprecated-sunset-invalid": gettext_noop(
        "is deprecated now, but its x-sunset %(after)s is no date"
    ),
    "sunset-date-too-small": gettext_noop("is deprecated now, but ends in the past: %(after)s"),
    "reactivated": gettext_noop("is no longer deprecated"),
    "stability-decreased": gettext_noop("became less stable: %(before)s, now %(after)s"),
    "stability-increased": gettext_noop("became more stable: %(before)s, now %(after)s"),
    "too-much": gettext_noop("changed in more ways than can be told"),
}  # fmt: skip
