import os
from pathlib import Path

from django.apps import AppConfig


class RuntimeConfig(AppConfig):
    name = "apim.runtime"
    label = "runtime"

    def ready(self) -> None:
        """Let Celery's processes show that they live, where somebody watches."""
        heartbeat_file = os.environ.get("APIM_HEARTBEAT_FILE")
        if heartbeat_file:
            from apim.runtime.heartbeat import beat_into  # noqa: PLC0415  only Celery needs it

            beat_into(Path(heartbeat_file))
