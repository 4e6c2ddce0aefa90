from django.apps import AppConfig


class OutboxConfig(AppConfig):
    name = "apim.outbox"
    label = "outbox"
