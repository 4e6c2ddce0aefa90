from django.apps import AppConfig


class CatalogConfig(AppConfig):
    name = "apim.catalog"
    label = "catalog"
