"""Documents of another kind: say which it is, and what to do with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from apim.catalog.openapi.problems import Findings, InvalidSpecification

if TYPE_CHECKING:
    from apim.catalog.openapi.positions import Positions


def refuse_other_kinds(data: dict[str, Any], positions: Positions) -> None:
    """Raises InvalidSpecification for a document that names itself something else."""
    if "openapi" in data:
        return
    for marker, kind in _KINDS.items():
        if marker in data:
            findings = Findings()
            findings.error((marker,), *kind(data))
            raise InvalidSpecification(findings.problems(positions))
    info = data.get("info")
    if isinstance(info, dict) and "item" in data and ("_postman_id" in info or "schema" in info):
        findings = Findings()
        findings.error(
            ("info",),
            _("This is a Postman collection."),
            _("Convert it to OpenAPI, for example with postman-to-openapi, and import the result."),
        )
        raise InvalidSpecification(findings.problems(positions))


def _swagger(data: dict[str, Any]) -> tuple[str, str]:
    return (
        _("This is Swagger %(version)s; OpenAPI 3.0 and 3.1 can be imported.")
        % {"version": str(data["swagger"])[:20]},
        _(
            "Convert it with `npx swagger2openapi --outfile openapi.yaml <file>`, or in the "
            "Swagger Editor with Edit, Convert to OpenAPI 3."
        ),
    )


def _asyncapi(data: dict[str, Any]) -> tuple[str, str]:
    info = data.get("info")
    title = info.get("title") if isinstance(info, dict) else None
    return (
        _("“%(title)s” is an AsyncAPI %(version)s document, which describes messages, not calls.")
        % {"title": str(title or _("untitled"))[:80], "version": str(data["asyncapi"])[:20]},
        _(
            "OpenAPI 3.0 and 3.1 can be imported. If the service also answers HTTP calls, "
            "describe those in an OpenAPI document."
        ),
    )


def _named(name: str) -> Any:
    def describe(_data: dict[str, Any]) -> tuple[str, str]:
        return (
            _("This is an %(name)s document, not OpenAPI.") % {"name": name},
            _("Import the OpenAPI document that it belongs to."),
        )

    return describe


_KINDS = {
    "swagger": _swagger,
    "swaggerVersion": lambda data: _swagger({"swagger": data["swaggerVersion"]}),
    "asyncapi": _asyncapi,
    "arazzo": _named("Arazzo"),
    "overlay": _named("Overlay"),
}
