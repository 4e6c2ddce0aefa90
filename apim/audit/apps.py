from django.apps import AppConfig


class AuditConfig(AppConfig):
    name = "apim.audit"
    label = "audit"
