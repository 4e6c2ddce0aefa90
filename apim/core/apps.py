from django.apps import AppConfig


class CoreConfig(AppConfig):
    name = "apim.core"
    label = "core"
