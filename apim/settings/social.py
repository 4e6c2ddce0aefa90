"""Sign-in with GitHub, Google or an OpenID Connect server: only those that are configured."""

from typing import Any

from apim.env import env_str


def social_providers() -> dict[str, Any]:
    """Allauth's SOCIALACCOUNT_PROVIDERS from APIM_GITHUB_…, APIM_GOOGLE_… and APIM_OIDC_…."""
    providers: dict[str, Any] = {}
    if client_id := env_str("APIM_GITHUB_CLIENT_ID", ""):
        providers["github"] = {
            "APPS": [{"client_id": client_id, "secret": env_str("APIM_GITHUB_CLIENT_SECRET")}],
            "SCOPE": ["user:email"],
            "OAUTH_PKCE_ENABLED": True,
        }
    if client_id := env_str("APIM_GOOGLE_CLIENT_ID", ""):
        providers["google"] = {
            "APPS": [{"client_id": client_id, "secret": env_str("APIM_GOOGLE_CLIENT_SECRET")}],
            "SCOPE": ["profile", "email"],
            "OAUTH_PKCE_ENABLED": True,
        }
    if client_id := env_str("APIM_OIDC_CLIENT_ID", ""):
        providers["openid_connect"] = {
            "APPS": [
                {
                    "provider_id": "sso",
                    "name": env_str("APIM_OIDC_NAME", "") or "Single sign-on",
                    "client_id": client_id,
                    "secret": env_str("APIM_OIDC_CLIENT_SECRET"),
                    "settings": {"server_url": env_str("APIM_OIDC_ISSUER")},
                }
            ],
            "OAUTH_PKCE_ENABLED": True,
        }
    return providers
