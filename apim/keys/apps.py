from django.apps import AppConfig


class KeysConfig(AppConfig):
    name = "apim.keys"
    label = "keys"
