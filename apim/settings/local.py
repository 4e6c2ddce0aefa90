"""`make up`: one machine, plain HTTP on loopback, development pages on."""

from apim.settings.base import *

DEBUG = False
APIM_DEVELOPMENT_PAGES = True
SECRET_KEY = SECRET_KEY or "insecure-development-key-used-only-outside-make-up"
APIM_KEY_PEPPER = APIM_KEY_PEPPER or "insecure-development-pepper-used-only-outside-make-up"
APIM_AUTHORIZER_TOKEN = APIM_AUTHORIZER_TOKEN or "insecure-development-token-outside-make-up"
ALLOWED_HOSTS = [*ALLOWED_HOSTS, "127.0.0.1", "localhost", "[::1]"]
CSRF_TRUSTED_ORIGINS = [*CSRF_TRUSTED_ORIGINS, "http://localhost:8000"]

EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
EMAIL_FILE_PATH = APIM_HOME / "mail"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "apim.ui.storage.HashedStaticFilesStorage"},
}
APIM_SPEC_FETCH_ALLOWED_HOSTS = [*APIM_SPEC_FETCH_ALLOWED_HOSTS, "127.0.0.1", "localhost"]
# Browsers allow passkeys on http://localhost, never on an address such as 127.0.0.1.
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = True
