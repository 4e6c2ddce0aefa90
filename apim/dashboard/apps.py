from django.apps import AppConfig


class DashboardConfig(AppConfig):
    name = "apim.dashboard"
    label = "dashboard"
