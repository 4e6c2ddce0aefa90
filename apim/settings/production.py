"""Production: TLS outside, secrets required, no development pages."""

from apim.env import env_bool, env_int, env_str
from apim.settings.base import *

SECRET_KEY = env_str("SECRET_KEY")
APIM_KEY_PEPPER = env_str("APIM_KEY_PEPPER")
APIM_AUTHORIZER_TOKEN = env_str("APIM_AUTHORIZER_TOKEN")

_TLS = env_bool("APIM_TLS", default=True)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_SSL_REDIRECT = _TLS
# Probes and gateways on the inner network speak plain HTTP; the last line is the paths that senders
# of usage insist on (analytics/urls.py). A redirected POST would lose its body.
SECURE_REDIRECT_EXEMPT = [
    *(r"^healthz$", r"^readyz$", r"^metrics$", r"^v3/", r"^gateway/"),
    *(r"^v1/logs$", r"^services/collector", r"openmeter/events$", r"^api/v1/events$"),
    *(r"^_bulk$", r"^transactions\.xml$"),
]
SESSION_COOKIE_SECURE = _TLS
CSRF_COOKIE_SECURE = _TLS
SECURE_HSTS_SECONDS = env_int("APIM_HSTS_SECONDS", 31536000)
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_HSTS_PRELOAD = True

EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
EMAIL_HOST = env_str("EMAIL_HOST", "localhost")
EMAIL_PORT = env_int("EMAIL_PORT", 587)
EMAIL_HOST_USER = env_str("EMAIL_HOST_USER", "")
EMAIL_HOST_PASSWORD = env_str("EMAIL_HOST_PASSWORD", "")
EMAIL_USE_TLS = env_bool("EMAIL_USE_TLS", default=True)
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "apim.ui.storage.HashedStaticFilesStorage"},
}
