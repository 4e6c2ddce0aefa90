"""The checks of oasdiff and their levels, as registered in its checker/rules.go and bound_rules.go
(github.com/oasdiff/oasdiff at c48676e, Apache-2.0), with its later ones for anonymous access. Written down by family, not copied.
"""

ERR, WARN, INFO = "ERR", "WARN", "INFO"
NARROWS, WIDENS, SWAPS, UNKNOWN, NONE = "-", "+", "x", "?", "0"
LAW = {
    ("request", NARROWS): ERR,
    ("request", WIDENS): INFO,
    ("response", NARROWS): INFO,
    ("response", WIDENS): ERR,
}
ANY = {SWAPS: ERR, UNKNOWN: WARN, NONE: INFO}

PEER_CHECKS: dict[str, str] = {}


def _add(level: str, ids: str) -> None:
    PEER_CHECKS.update(dict.fromkeys(ids.split(), level))


def _family(stems: str, endings: dict[str, str]) -> None:
    for stem in stems.split():
        direction = stem.partition("-")[0]
        for ending, effect in endings.items():
            PEER_CHECKS[f"{stem}-{ending}"] = ANY.get(effect) or LAW[direction, effect]


REQUEST = "request-body request-property"
RESPONSE = "response-body response-property"
BOTH = f"{REQUEST} {RESPONSE}"

_add(
    INFO,
    """
    endpoint-added endpoint-reactivated endpoint-deprecated endpoint-deprecated-with-sunset
    api-path-removed-with-deprecation api-removed-with-deprecation
    api-operation-id-removed api-operation-id-added api-tag-removed api-tag-added
    api-stability-increased request-property-stability-increased
    response-property-stability-increased
    api-version-not-bumped api-version-decreased api-major-version-not-bumped
    api-security-component-removed api-security-component-added
    api-security-component-type-changed api-security-component-oauth-url-changed
    api-security-component-oauth-token-url-changed api-security-component-oauth-scope-added
    api-security-component-oauth-scope-removed api-security-component-oauth-scope-changed
    api-security-added api-security-scope-removed api-global-security-added
    api-security-anonymous-access-added api-global-security-anonymous-access-added
    api-global-security-scope-removed api-schema-removed webhook-added
    """,
)
_add(
    ERR,
    """
    api-deprecated-sunset-parse api-deprecated-sunset-missing api-invalid-stability-level
    api-sunset-date-too-small sunset-deleted api-sunset-date-changed-too-small
    api-path-removed-without-deprecation api-path-removed-before-sunset api-path-sunset-parse
    api-removed-without-deprecation api-removed-before-sunset
    api-stability-decreased request-property-stability-decreased
    response-property-stability-decreased
    api-security-removed api-security-scope-added api-global-security-removed
    api-global-security-scope-added webhook-removed
    api-security-anonymous-access-removed api-global-security-anonymous-access-removed
    """,
)
for _direction in ("request", "response"):
    _add(
        INFO,
        f"{_direction}-property-deprecated {_direction}-property-deprecated-with-sunset "
        f"{_direction}-property-reactivated",
    )
    _add(
        ERR,
        f"{_direction}-property-deprecated-sunset-missing "
        f"{_direction}-property-deprecated-sunset-invalid "
        f"{_direction}-property-sunset-date-too-small",
    )
    for _kind in ("optional", "required"):
        for _word in ("read-only", "write-only"):
            _add(INFO, f"{_direction}-{_kind}-property-became-{_word}")
            _add(INFO, f"{_direction}-{_kind}-property-became-not-{_word}")

# Parameters
_add(
    INFO,
    """
    request-parameter-reactivated request-parameter-deprecated
    new-optional-request-default-parameter-to-existing-path new-optional-request-parameter
    request-parameter-removed-with-deprecation request-parameter-became-optional
    request-parameter-became-allow-reserved request-parameter-default-value-added
    request-parameter-default-value-changed request-parameter-default-value-removed
    request-parameter-type-generalized request-parameter-property-type-generalized
    """,
)
_add(
    ERR,
    """
    request-parameter-deprecated-sunset-missing request-parameter-sunset-date-too-small
    request-parameter-sunset-deleted request-parameter-sunset-date-changed-too-small
    request-parameter-sunset-parse request-parameter-removed-before-sunset
    new-required-request-default-parameter-to-existing-path new-required-request-parameter
    new-request-path-parameter new-required-request-header-property
    request-header-property-became-required request-header-property-became-enum
    request-parameter-became-required request-parameter-became-enum
    request-parameter-style-changed request-parameter-explode-changed
    request-parameter-became-not-allow-reserved request-parameter-type-changed
    request-parameter-property-type-specialized request-parameter-x-extensible-enum-value-removed
    """,
)
_add(WARN, "request-parameter-removed request-parameter-property-type-changed")
_family(
    "request-parameter request-parameter-property",
    {
        "became-nullable": WIDENS,
        "became-not-nullable": NARROWS,
        "schema-became-false": NARROWS,
        "schema-became-not-false": WIDENS,
        "enum-value-added": WIDENS,
        "enum-value-removed": NARROWS,
        "list-of-types-widened": WIDENS,
        "list-of-types-narrowed": NARROWS,
    },
)
_PATTERN = {"pattern-added": NARROWS, "pattern-removed": WIDENS, "pattern-changed": UNKNOWN}
_family("request-parameter request-property", _PATTERN | {"pattern-generalized": WIDENS})
_family("response-property", _PATTERN)

# Bodies and responses
_add(
    INFO,
    """
    request-body-added-optional request-body-media-type-added request-body-became-optional
    request-body-media-type-schema-removed request-body-media-type-item-schema-removed
    response-body-media-type-schema-added response-body-media-type-item-schema-added
    response-media-type-added response-media-type-parameter-added
    response-media-type-name-specialized response-header-added optional-response-header-removed
    response-success-status-added response-non-success-status-added
    response-non-success-status-removed
    """,
)
_add(
    ERR,
    """
    request-body-added-required request-body-media-type-removed request-body-became-required
    request-body-media-type-schema-added request-body-media-type-item-schema-added
    request-body-removed response-body-media-type-schema-removed
    response-body-media-type-item-schema-removed
    response-body-media-type-item-schema-removed-untyped
    response-media-type-removed response-media-type-parameter-removed
    response-media-type-parameter-changed response-media-type-name-generalized
    response-header-became-optional required-response-header-removed
    response-success-status-removed
    """,
)
_add(WARN, "response-media-type-name-changed")
_family(
    "response-header",
    {
        "type-changed": SWAPS,
        "type-generalized": WIDENS,
        "type-specialized": NARROWS,
        "type-compatible": NARROWS,
        "became-nullable": WIDENS,
        "became-not-nullable": NARROWS,
        "schema-became-false": NARROWS,
        "schema-became-not-false": WIDENS,
    },
)

# Properties
_add(
    INFO,
    """
    new-optional-request-property request-property-became-optional
    response-optional-property-removed response-optional-write-only-property-removed
    response-optional-property-added response-optional-write-only-property-added
    response-required-write-only-property-removed response-required-property-added
    response-required-write-only-property-added response-property-became-required
    response-write-only-property-became-required response-write-only-property-became-optional
    response-write-only-property-enum-value-added
    """,
)
_add(
    ERR,
    """
    new-required-request-property new-required-request-property-with-default
    request-property-became-required request-property-became-required-with-default
    response-required-property-removed response-property-became-optional
    request-property-x-extensible-enum-value-removed
    """,
)
_add(WARN, "request-property-removed")

# Enums
_add(
    ERR,
    """
    request-body-became-enum request-property-became-enum request-property-enum-value-removed
    request-body-enum-value-removed response-property-enum-value-added
    """,
)
_add(
    INFO,
    """
    request-property-enum-value-added response-property-enum-value-removed
    response-mediatype-enum-value-removed
    """,
)

# Schemas
_family(REQUEST, {"type-generalized": WIDENS, "type-compatible": WIDENS, "type-changed": SWAPS})
_family(
    RESPONSE,
    {
        "type-changed": SWAPS,
        "type-generalized": WIDENS,
        "type-specialized": NARROWS,
        "type-compatible": NARROWS,
    },
)
_family(
    BOTH,
    {
        "became-nullable": WIDENS,
        "became-not-nullable": NARROWS,
        "schema-became-false": NARROWS,
        "schema-became-not-false": WIDENS,
        "default-value-added": NONE,
        "default-value-removed": NONE,
        "default-value-changed": NONE,
        "const-added": NARROWS,
        "const-removed": WIDENS,
        "const-changed": SWAPS,
        "discriminator-added": NONE,
        "discriminator-removed": NONE,
        "discriminator-property-name-changed": NONE,
        "discriminator-mapping-added": NONE,
        "discriminator-mapping-deleted": NONE,
        "discriminator-mapping-changed": NONE,
        "all-of-added": NARROWS,
        "all-of-removed": WIDENS,
        "all-of-added-annotation-only": NONE,
        "all-of-removed-annotation-only": NONE,
        "any-of-added": WIDENS,
        "any-of-removed": NARROWS,
        "one-of-added": WIDENS,
        "one-of-removed": NARROWS,
        "list-of-types-widened": WIDENS,
        "list-of-types-narrowed": NARROWS,
        "prefix-items-added": UNKNOWN,
        "prefix-items-removed": UNKNOWN,
        "if-added": NARROWS,
        "if-removed": WIDENS,
        "then-added": NARROWS,
        "then-removed": WIDENS,
        "else-added": NARROWS,
        "else-removed": WIDENS,
        "contains-added": NARROWS,
        "contains-removed": WIDENS,
        "min-contains-increased": NARROWS,
        "min-contains-decreased": WIDENS,
        "max-contains-increased": WIDENS,
        "max-contains-decreased": NARROWS,
        "dependent-required-added": NARROWS,
        "dependent-required-removed": WIDENS,
        "dependent-required-changed": SWAPS,
        "dependent-schema-added": NARROWS,
        "dependent-schema-removed": WIDENS,
        "pattern-property-added": NARROWS,
        "pattern-property-removed": WIDENS,
        "property-names-added": NARROWS,
        "property-names-removed": WIDENS,
        "unevaluated-items-added": NARROWS,
        "unevaluated-items-removed": WIDENS,
        "unevaluated-properties-added": NARROWS,
        "unevaluated-properties-removed": WIDENS,
        "content-schema-added": NARROWS,
        "content-schema-removed": WIDENS,
        "content-media-type-changed": SWAPS,
        "content-encoding-changed": SWAPS,
        "unique-items-unset": WIDENS,
        "multiple-of-changed": SWAPS,
    },
)
# A body that nothing matches is no body for the client.
PEER_CHECKS |= {
    "response-body-schema-became-false": ERR,
    "response-body-schema-became-not-false": INFO,
}
_family(REQUEST, {"unique-items-set": NARROWS, "multiple-of-generalized": WIDENS})
_family(RESPONSE, {"multiple-of-specialized": NARROWS})
for _stem in ("request-body", "response-body"):
    PEER_CHECKS |= {
        f"{_stem}-wrapped-in-one-of": ERR,
        f"{_stem}-wrapped-in-one-of-original-preserved": WARN,
    }

# Bounds: set and unset everywhere, raised and lowered where it matters.
UPPER = "max max-length max-items max-properties max-contains exclusive-max"
LOWER = "min min-length min-items min-properties min-contains exclusive-min"
for _bound in (*UPPER.split(), *LOWER.split(), "multiple-of"):
    _family(
        f"{BOTH} request-parameter response-header",
        {f"{_bound}-set": NARROWS, f"{_bound}-unset": WIDENS},
    )
for _bound in ("max", "max-length", "max-items", "exclusive-max", "max-properties"):
    _stems = REQUEST if _bound == "max-properties" else f"{REQUEST} request-parameter"
    _family(_stems, {f"{_bound}-increased": WIDENS, f"{_bound}-decreased": NARROWS})
    _family(RESPONSE, {f"{_bound}-increased": WIDENS})
    PEER_CHECKS[f"request-read-only-property-{_bound}-decreased"] = INFO
for _bound in ("min", "min-length", "min-items", "exclusive-min", "min-properties"):
    _stems = REQUEST if _bound == "min-properties" else f"{REQUEST} request-parameter"
    _family(_stems, {f"{_bound}-increased": NARROWS})
    _family(RESPONSE, {f"{_bound}-decreased": WIDENS})
for _bound in ("min", "min-length", "exclusive-min"):
    _family(f"{REQUEST} request-parameter", {f"{_bound}-decreased": WIDENS})
_add(
    INFO,
    """
    request-parameter-min-items-decreased request-read-only-property-min-increased
    request-read-only-property-exclusive-min-increased
    request-read-only-property-enum-value-removed
    """,
)
