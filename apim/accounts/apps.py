from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "apim.accounts"
    label = "accounts"

    def ready(self) -> None:
        from apim.accounts import receivers  # noqa: F401, PLC0415 - connects on import
