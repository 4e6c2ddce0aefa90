"""Names that our resources, the bootstrap and the discovery service share."""

LISTENER = "apim_gateway"
ROUTES = "apim_routes"
# Envoy sends a cluster's name as the Host of its polls: settings.ALLOWED_HOSTS knows it.
CONTROL_CLUSTER = "apim-control"
AUTHORIZER_CLUSTER = "apim-authorizer"

# What the authorizer tells Envoy about a call; never taken from or shown to a client.
IDENTITY_PREFIX = "x-apim-"
# Whose call it is and what was decided, in one header, for the upstream and for the log.
CALL_HEADER = "x-apim-call"
TOKEN_HEADER = "x-apim-authorizer-token"  # noqa: S105 - a header's name
METADATA = "apim"
LEASE_FILTER = "apim.lease"
# Set by the filter on a call whose end the authorizer must be told of; chooses the route.
AFTER_HEADER = "x-apim-after"
# The filter's request header for each RateLimit header of the answer: the router copies them, on the
# route for marked calls.
RATE_LIMITS = {
    "ratelimit": "x-apim-ratelimit",
    "ratelimit-policy": "x-apim-ratelimit-policy",
    "x-ratelimit-limit": "x-apim-ratelimit-limit",
    "x-ratelimit-remaining": "x-apim-ratelimit-remaining",
    "x-ratelimit-reset": "x-apim-ratelimit-reset",
}

# Query parameters and headers that may carry an API key.
KEY_PARAMETERS = ("apikey", "api_key")
KEY_HEADER = "x-api-key"


def type_url(message: str) -> str:
    return f"type.googleapis.com/{message}"


LISTENER_TYPE = type_url("envoy.config.listener.v3.Listener")
CLUSTER_TYPE = type_url("envoy.config.cluster.v3.Cluster")
ROUTE_TYPE = type_url("envoy.config.route.v3.RouteConfiguration")
