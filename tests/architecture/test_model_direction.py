"""import-linter cannot see string foreign keys; these tests walk the models instead."""

import tomllib
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings

LAYERS_CONTRACT = "layers"


def _layers() -> list[set[str]]:
    config = tomllib.loads((Path(settings.BASE_DIR) / "pyproject.toml").read_text())
    contracts = config["tool"]["importlinter"]["contracts"]
    lines = next(c["layers"] for c in contracts if c["type"] == LAYERS_CONTRACT)
    return [{name.strip() for name in line.split("|")} for line in lines]


def _rank(app_name: str) -> int | None:
    """Height of an app: 0 is the top layer. None for apps that are not ours."""
    for rank, names in enumerate(_layers()):
        if app_name in names:
            return rank
    return None


def _references():
    for model in apps.get_models():
        own = _rank(model._meta.app_config.name)
        if own is None:
            continue
        for field in model._meta.get_fields():
            related = getattr(field, "related_model", None)
            if related is None or field.auto_created:
                continue
            other = _rank(related._meta.app_config.name)
            if other is not None:
                yield pytest.param(own, other, id=f"{model.__name__}.{field.name}")


@pytest.mark.parametrize(("own", "other"), list(_references()))
def test_a_foreign_key_points_to_the_same_or_a_lower_layer(own: int, other: int):
    assert other >= own


def test_edges_and_kernel_own_no_tables():
    without = {"apim.api", "apim.dashboard", "apim.runtime", "portal", "apim.ui", "apim.core"}
    owners = {m._meta.app_config.name for m in apps.get_models()}
    assert not without & owners
