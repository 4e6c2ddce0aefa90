from django.apps import AppConfig


class UiConfig(AppConfig):
    name = "apim.ui"
    label = "ui"
