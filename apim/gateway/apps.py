from django.apps import AppConfig


class GatewayConfig(AppConfig):
    name = "apim.gateway"
    label = "gateway"
