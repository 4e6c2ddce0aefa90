"""Tests: real PostgreSQL and Redis (started by tests/conftest.py), cheap password hashing."""

from apim.settings.base import *

SECRET_KEY = "insecure-test-key-0123456789-0123456789"
APIM_KEY_PEPPER = "insecure-test-pepper-0123456789-0123456789"
APIM_AUTHORIZER_TOKEN = "insecure-test-authorizer-token-0123456789"
APIM_DEVELOPMENT_PAGES = True
ALLOWED_HOSTS = ["*"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
CELERY_TASK_ALWAYS_EAGER = True
CELERY_TASK_EAGER_PROPAGATES = True
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
APIM_SPEC_FETCH_ALLOWED_HOSTS = ["127.0.0.1", "localhost"]
LOGGING["root"]["level"] = "WARNING"
