from django.apps import AppConfig


class AnalyticsConfig(AppConfig):
    name = "analytics"
    label = "analytics"

    def ready(self) -> None:
        from analytics import counters, used_up  # noqa: PLC0415 - needs the models
        from apim.gateway import lending, restored_counters  # noqa: PLC0415

        restored_counters.register(counters.open_windows)
        lending.register(used_up.calls_made)
