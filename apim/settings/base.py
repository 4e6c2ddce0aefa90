"""What every deployment shares. All that differs comes from the environment (see .env.example)."""

from pathlib import Path
from typing import Any
from urllib.parse import urlparse

from csp.constants import NONE, SELF
from django.utils.translation import gettext_lazy as _

from apim.env import env_bool, env_int, env_list, env_path, env_str
from apim.schedule import SCHEDULE
from apim.settings.database import database_from_url
from apim.settings.social import social_providers

BASE_DIR = Path(__file__).resolve().parents[2]
APIM_HOME = env_path("APIM_HOME", BASE_DIR / ".apim")

DEBUG = False
SECRET_KEY = env_str("SECRET_KEY", "")
APIM_KEY_PEPPER = env_str("APIM_KEY_PEPPER", "")
APIM_AUTHORIZER_TOKEN = env_str("APIM_AUTHORIZER_TOKEN", "")
# Who bears it may read /metrics of the web process; without one, only this machine may.
APIM_METRICS_TOKEN = env_str("APIM_METRICS_TOKEN", "")

# Where people and gateways reach us; used in mails, snippets and the API's server list.
APIM_PUBLIC_URL = env_str("APIM_PUBLIC_URL", "http://127.0.0.1:8000").rstrip("/")
APIM_GATEWAY_URL = env_str("APIM_GATEWAY_URL", "http://127.0.0.1:8080").rstrip("/")
# The same gateway as web itself reaches it, for test requests of the portal; often an inner name.
APIM_GATEWAY_INTERNAL_URL = env_str("APIM_GATEWAY_INTERNAL_URL", APIM_GATEWAY_URL).rstrip("/")
# Envoy: the listener it opens, and where it writes its access log (paths on its machine).
APIM_GATEWAY_LISTEN_ADDRESS = env_str("APIM_GATEWAY_LISTEN_ADDRESS", "0.0.0.0")  # noqa: S104
APIM_GATEWAY_PORT = env_int("APIM_GATEWAY_PORT", 8080, minimum=1)
APIM_ENVOY_ACCESS_LOG = str(
    env_path("APIM_ENVOY_ACCESS_LOG", APIM_HOME / "run" / "envoy-access.log")
)
APIM_ENVOY_TRUSTED_CA = env_str("APIM_ENVOY_TRUSTED_CA", "/etc/ssl/certs/ca-certificates.crt")
APIM_SITE_NAME = env_str("APIM_SITE_NAME", "apim")
ALLOWED_HOSTS = [
    *env_list("ALLOWED_HOSTS", str(urlparse(APIM_PUBLIC_URL).hostname)),
    "apim-control",  # what Envoy's polls name as their host (apim/gateway/envoy/names.py)
]
CSRF_TRUSTED_ORIGINS = env_list("CSRF_TRUSTED_ORIGINS", APIM_PUBLIC_URL)

# Hosts from which a specification may be fetched although they resolve to a private address.
APIM_SPEC_FETCH_ALLOWED_HOSTS = env_list("APIM_SPEC_FETCH_ALLOWED_HOSTS")
# The only hosts from which documents are fetched that an uploaded specification refers to.
APIM_SPEC_REFERENCE_HOSTS = env_list("APIM_SPEC_REFERENCE_HOSTS")
APIM_SPEC_MAX_BYTES = 10 * 1024 * 1024
# Upstream hosts on private addresses that "try it" and gateways may reach.
APIM_KEY_BRAND = env_str("APIM_KEY_BRAND", "ak")
APIM_ROTATION_GRACE_MAX_HOURS = 30 * 24
# GitHub's public keys for secret scanning: the address of its list, or the list as JSON or PEM.
APIM_GITHUB_SCANNING_KEYS = env_str(
    "APIM_GITHUB_SCANNING_KEYS", "https://api.github.com/meta/public_keys/secret_scanning"
)
# Stripe: keys of the real one, or the address of the simulator that stands in for it.
STRIPE_SECRET_KEY = env_str("STRIPE_SECRET_KEY", "")
STRIPE_WEBHOOK_SECRET = env_str("STRIPE_WEBHOOK_SECRET", "")
APIM_STRIPE_SIMULATOR_URL = env_str("APIM_STRIPE_SIMULATOR_URL", "").rstrip("/")
APIM_STRIPE_SIMULATOR_KEY = env_str("APIM_STRIPE_SIMULATOR_KEY", "")
APIM_USAGE_RETENTION_DAYS = env_int("APIM_USAGE_RETENTION_DAYS", 90, minimum=36)

INSTALLED_APPS = [
    "apim.apps.ApimConfig",
    "apim.core",
    "apim.ui",
    "apim.audit",
    "apim.outbox",
    "apim.accounts",
    "apim.catalog",
    "apim.keys",
    "apim.gateway",
    "analytics",
    "billing",
    "apim.api",
    "apim.dashboard",
    "apim.runtime",
    "portal",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.github",
    "allauth.socialaccount.providers.google",
    "allauth.socialaccount.providers.openid_connect",
    "csp",
    "django_filters",
    "drf_spectacular",
    "rest_framework",
    "template_partials",
]

MIDDLEWARE = [
    "apim.metrics.CountingMiddleware",
    "apim.core.middleware.RequestIdMiddleware",
    "apim.core.middleware.NulMiddleware",
    # A tenth of the bytes for a page; random padding keeps lengths from telling (BREACH). Static
    # files are Granian's, which does not compress yet: that is for the proxy in front.
    "django.middleware.gzip.GZipMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "apim.accounts.middleware.CurrentOrganizationMiddleware",
    "apim.accounts.middleware.ReaderMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "apim.accounts.middleware.SessionActivityMiddleware",
    "apim.outbox.delays.DelayedNewsMiddleware",
    "apim.ui.middleware.DomainErrorMiddleware",
]

ROOT_URLCONF = "apim.urls"
WSGI_APPLICATION = "apim.wsgi.application"

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "apim.ui.context_processors.site",
                "apim.accounts.context_processors.viewer",
                "portal.context_processors.navigation",
                "apim.dashboard.context_processors.navigation",
            ],
            "builtins": [
                "django.templatetags.i18n",
                "django.templatetags.static",
                "template_partials.templatetags.partials",
                "apim.ui.templatetags.ui",
                "apim.ui.templatetags.format",
            ],
        },
    },
]

DATABASES = {"default": database_from_url(env_str("DATABASE_URL", "postgresql://127.0.0.1/apim"))}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = env_str("REDIS_URL", "redis://127.0.0.1:6379/0")
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "cache",
    },
}
SESSION_ENGINE = "django.contrib.sessions.backends.db"

# Celery (https://docs.celeryq.dev/en/stable/userguide/configuration.html)
CELERY_BROKER_URL = env_str("CELERY_BROKER_URL", REDIS_URL)
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_TIME_LIMIT = 300
CELERY_TASK_SOFT_TIME_LIMIT = 270
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
# A worker of its own (apim.runtime.processes.usage_worker_command).
CELERY_TASK_ROUTES = {"analytics.roll_up": {"queue": "usage"}}
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
# A task of a worker that died is delivered again after this many seconds.
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 600, "socket_timeout": 10}
CELERY_BEAT_SCHEDULE = SCHEDULE
CELERY_TIMEZONE = "UTC"

# Accounts
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.ScryptPasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 10},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
# Sign-up, sign-in and second factors: https://docs.allauth.org/en/latest/account/configuration.html
ACCOUNT_ADAPTER = "apim.accounts.adapters.AccountAdapter"
ACCOUNT_FORMS = {
    "add_email": "apim.accounts.forms.AddEmailForm",
    "change_password": "apim.accounts.forms.ChangePasswordForm",
    "login": "apim.accounts.forms.LoginForm",
    "reauthenticate": "apim.accounts.forms.ReauthenticateForm",
    "reset_password": "apim.accounts.forms.ResetPasswordForm",
    "reset_password_from_key": "apim.accounts.forms.ResetPasswordKeyForm",
    "set_password": "apim.accounts.forms.SetPasswordForm",
    "signup": "apim.accounts.forms.SignupForm",
}
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_EMAIL_CONFIRMATION_EXPIRE_DAYS = 3
ACCOUNT_LOGIN_ON_EMAIL_CONFIRMATION = True
ACCOUNT_CHANGE_EMAIL = True
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_DEFAULT_HTTP_PROTOCOL = urlparse(APIM_PUBLIC_URL).scheme
# How many proxies in front of us write X-Forwarded-For; 0 trusts none.
ALLAUTH_TRUSTED_PROXY_COUNT = env_int("APIM_TRUSTED_PROXY_COUNT", 0, minimum=0)
MFA_FORMS = {"add_webauthn": "apim.accounts.forms.AddKeyForm"}
MFA_ADAPTER = "apim.accounts.adapters.MFAAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_TOLERANCE = 1
USERSESSIONS_TRACK_ACTIVITY = True
SOCIALACCOUNT_ADAPTER = "apim.accounts.adapters.SocialAccountAdapter"
SOCIALACCOUNT_EMAIL_AUTHENTICATION = False
SOCIALACCOUNT_PROVIDERS = social_providers()
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = True
CSRF_FAILURE_VIEW = "apim.ui.errors.csrf_failure"

# Notice that subscribers get before another price holds for them.
BILLING_NOTICE_DAYS = env_int("BILLING_NOTICE_DAYS", 30, minimum=0)
# How long a period stays open for usage that arrives late, before it is closed and charged.
BILLING_CLOSE_DELAY_HOURS = env_int("BILLING_CLOSE_DELAY_HOURS", 24, minimum=1)
# Unpaid: days to pay an invoice that is sent, then days until keys are suspended.
BILLING_PAYMENT_DAYS = env_int("BILLING_PAYMENT_DAYS", 14, minimum=1)
BILLING_GRACE_DAYS = env_int("BILLING_GRACE_DAYS", 14, minimum=0)
# Whether Stripe Tax computes taxes on invoices.
STRIPE_TAX = env_bool("STRIPE_TAX", default=False)
# A test clock (clock_…) that new customers are made under, to rehearse months with test keys.
STRIPE_TEST_CLOCK = env_str("STRIPE_TEST_CLOCK", "")

DEFAULT_FROM_EMAIL = env_str("DEFAULT_FROM_EMAIL", "apim <no-reply@apim.localhost>")
EMAIL_TIMEOUT = 10

# Languages and time
LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("de", _("German"))]
LOCALE_PATHS = [BASE_DIR / "apim" / "locale"]
FORMAT_MODULE_PATH = "apim.formats"
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"

STATIC_URL = "/static/"
STATIC_ROOT = APIM_HOME / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]

# Security
X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    },
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 11 * 1024 * 1024
FILE_UPLOAD_MAX_MEMORY_SIZE = 11 * 1024 * 1024
SILENCED_SYSTEM_CHECKS: list[str] = []

# Development-only pages: mail, component gallery.
APIM_DEVELOPMENT_PAGES = env_bool("APIM_DEVELOPMENT_PAGES", default=False)

REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["apim.api.authentication.AccessTokenAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["apim.api.permissions.ScopedAccess"],
    "DEFAULT_PAGINATION_CLASS": "apim.api.pagination.CursorPages",
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": [
        "rest_framework.parsers.JSONParser",
        "rest_framework.parsers.MultiPartParser",
    ],
    "DEFAULT_SCHEMA_CLASS": "apim.api.schema.ScopedSchema",
    "EXCEPTION_HANDLER": "apim.api.problems.exception_handler",
    "DEFAULT_THROTTLE_CLASSES": ["apim.api.throttling.AccessTokenThrottle"],
    "DEFAULT_THROTTLE_RATES": {"access_token": "1200/min"},
    "UNAUTHENTICATED_USER": None,
    "PAGE_SIZE": 50,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "apim management API",
    "VERSION": "1.0.0",
    "DESCRIPTION": "Everything the dashboard can do, a script can.",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": r"/api/v1",
    "COMPONENT_SPLIT_REQUEST": True,
    "SERVE_PERMISSIONS": [],
    "SORT_OPERATIONS": False,
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "apim.api.schema.add_conventions",
    ],
    "ENUM_NAME_OVERRIDES": {
        "OrganizationState": "apim.accounts.models.Organization.State",
        "MemberRole": "apim.accounts.models.Membership.Role",
        "StaffRole": "apim.accounts.models.StaffRole",
        "ApplicationState": "apim.keys.models.Application.State",
        "SubscriptionState": "apim.keys.models.Subscription.State",
        "ApiKeyStatus": "apim.keys.models.ApiKey.Status",
        "ApiVersionState": "apim.catalog.models.ApiVersion.State",
        "ProductState": "apim.catalog.models.Product.State",
        "LimitKind": "apim.catalog.limit_terms.LimitKind",
        "LimitWindow": "apim.catalog.limit_terms.LimitWindow",
        "LimitPer": "apim.catalog.limit_terms.LimitPer",
        "GatewayState": "apim.gateway.models.Gateway.State",
        "GatewayKind": "apim.gateway.models.Gateway.Kind",
        "ForeignNameKind": "analytics.models.ForeignMapping.Kind",
        "MeterKind": "billing.models.Meter.Kind",
        "PriceKind": "billing.models.PriceComponent.Kind",
        "PricingModel": "billing.models.PriceComponent.Model",
        "PlannedChangeKind": "billing.models.ScheduledChange.Kind",
        "SubscriptionChangeKind": "apim.api.v1.serializers.money.LATER",
        "InvoiceStatus": "billing.models.Invoice.Status",
    },
}

LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "()": "apim.core.logs.KeyValueFormatter",
            "format": "%(asctime)s %(levelname)s %(name)s %(message)s",
        },
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env_str("LOG_LEVEL", "INFO")},
    "loggers": {
        "django.request": {"level": "ERROR"},
        "httpx": {"level": "WARNING"},
        # Celery says of every task that it was sent, received and done: several lines a second.
        "celery.beat": {"level": "WARNING"},
        "celery.worker.strategy": {"level": "WARNING"},
        "celery.app.trace": {"level": "WARNING"},
    },
}
