from __future__ import annotations

from celery import shared_task

from apim.catalog.models import SpecRevision
from apim.catalog.services.linting import lint_again, prepare_revision


@shared_task(name="catalog.lint_revision")
def lint_revision_task(revision_id: int) -> None:
    prepare_revision(revision=SpecRevision.objects.get(pk=revision_id))


@shared_task(name="catalog.lint_again")
def lint_again_task(api_ids: list[int] | None) -> None:
    lint_again(api_ids=api_ids)
