from django.apps import AppConfig


class ApiConfig(AppConfig):
    name = "apim.api"
    label = "api"

    def ready(self) -> None:
        # drf-spectacular finds its extensions by their being imported.
        from apim.api import schema  # noqa: F401, PLC0415
