"""OpenAPI 2.0 (Swagger) as OpenAPI 3.0.

Source of the meaning: OpenAPI 2.0 specification; what becomes of each field is the migration that
the OpenAPI Initiative describes ("Upgrading from OpenAPI 2.0 to 3.0"). What is malformed is passed
on as it stands, so that the checks of OpenAPI 3.0 name it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from apim.catalog.descriptions.swagger_parts import Parts, security_scheme
from apim.catalog.openapi.operations import METHODS
from apim.catalog.openapi.problems import Findings, InvalidSpecification

if TYPE_CHECKING:
    from apim.catalog.openapi.load import Loaded
    from apim.catalog.openapi.positions import Path

_KEPT = ("info", "tags", "externalDocs", "security")
_OPERATION_KEPT = (
    "tags", "summary", "description", "externalDocs", "operationId", "deprecated", "security",
)  # fmt: skip
_COMPONENTS = ("definitions", "parameters", "responses", "securityDefinitions")


def is_swagger(data: Any) -> bool:
    """Also where the version was written without quotes, which makes it a number."""
    return isinstance(data, dict) and data.get("swagger") in ("2.0", 2.0)


def upgrade(loaded: Loaded) -> tuple[dict[str, Any], dict[Path, Path], Findings]:
    """The document as OpenAPI 3.0.3, where its parts stood, and what could not be carried over.

    Raises InvalidSpecification when it would become too large.
    """
    upgrading = _Upgrade(loaded)
    return upgrading.document(), upgrading.parts.origins, upgrading.parts.findings


class _Upgrade:
    def __init__(self, loaded: Loaded) -> None:
        self._data: dict[str, Any] = loaded.data
        self._positions = loaded.positions
        self.parts = Parts(loaded.data)

    def document(self) -> dict[str, Any]:
        data, origins = self._data, self.parts.origins
        new: dict[str, Any] = {"openapi": "3.0.3"}
        origins["openapi",] = ("swagger",)
        new.update({name: data[name] for name in _KEPT if name in data})
        new["servers"] = self._servers(data.get("schemes"))
        origins["servers",] = ("host",) if "host" in data else ("basePath",)
        new.update({name: value for name, value in data.items() if name.startswith("x-")})
        if "paths" in data:
            new["paths"] = self._paths(data["paths"])
        components = self._components()
        if components:
            new["components"] = components
        return new

    def _servers(self, schemes: Any) -> list[dict[str, Any]]:
        """One per scheme, https first: the first is where gateways forward to."""
        host, base = self._data.get("host"), self._data.get("basePath")
        base = base.rstrip("/") if isinstance(base, str) else ""
        if not isinstance(host, str) or not host:
            return [{"url": base or "/"}]
        named = [s for s in schemes if isinstance(s, str)] if isinstance(schemes, list) else []
        ordered = sorted(dict.fromkeys(named or ["https"]), key=lambda s: s != "https")
        return [{"url": f"{scheme}://{host}{base}"} for scheme in ordered]

    def _paths(self, paths: Any) -> Any:
        if not isinstance(paths, dict):
            return paths
        return {
            template: item if template.startswith("x-") else self._item(item, ("paths", template))
            for template, item in paths.items()
        }

    def _item(self, item: Any, path: Path) -> Any:
        if not isinstance(item, dict):
            return item
        shared = item.get("parameters")
        new: dict[str, Any] = {}
        if isinstance(shared, list):
            plain = self.parts.plain_parameters(shared, (*path, "parameters"))
            if plain:
                new["parameters"] = plain
        for name, value in item.items():
            if name == "$ref":
                new[name] = self.parts.reference(value)
            elif name in METHODS and isinstance(value, dict):
                new[name] = self._operation(value, shared, (*path, name))
            elif name != "parameters":
                new[name] = value
        return new

    def _operation(self, value: dict[str, Any], shared: Any, path: Path) -> dict[str, Any]:
        new = {name: value[name] for name in _OPERATION_KEPT if name in value}
        new.update({name: below for name, below in value.items() if name.startswith("x-")})
        listed = value.get("parameters")
        if isinstance(listed, list):
            plain = self.parts.plain_parameters(listed, (*path, "parameters"))
            if plain:
                new["parameters"] = plain
        elif listed is not None:
            new["parameters"] = listed
        consumes = _types(value.get("consumes"), self._data.get("consumes"))
        body = self.parts.request_body(
            [
                (listed, (*path, "parameters")),
                (shared, (*path[:-1], "parameters")),
            ],
            consumes,
            (*path, "requestBody"),
        )
        if body is not None:
            new["requestBody"] = body
        if "responses" in value:
            produces = _types(value.get("produces"), self._data.get("produces"))
            new["responses"] = self.parts.responses(
                value["responses"], produces, (*path, "responses")
            )
        if "schemes" in value and value["schemes"] != self._data.get("schemes"):
            new["servers"] = self._servers(value["schemes"])
        return new

    def _components(self) -> dict[str, Any]:
        data, parts = self._data, self.parts
        made: dict[str, Any] = {}
        for name in _COMPONENTS:
            if name in data and not isinstance(data[name], dict):
                findings = Findings()
                findings.error((name,), _("“%(name)s” must be a mapping.") % {"name": name})
                raise InvalidSpecification(findings.problems(self._positions))
        made["schemas"] = {
            name: parts.schema(value, ("components", "schemas", name), ("definitions", name))
            for name, value in data.get("definitions", {}).items()
        }
        made["parameters"], made["requestBodies"] = parts.components_of_parameters(
            data.get("parameters", {}), _types(None, data.get("consumes"))
        )
        made["responses"] = {
            name: parts.response(
                value,
                _types(None, data.get("produces")),
                ("components", "responses", name),
                ("responses", name),
            )
            for name, value in data.get("responses", {}).items()
        }
        made["securitySchemes"] = {
            name: security_scheme(value, parts, name)
            for name, value in data.get("securityDefinitions", {}).items()
        }
        return {name: value for name, value in made.items() if value}


def _types(own: Any, common: Any) -> list[str]:
    """Media types of the operation, or of the whole document where it names none."""
    for listed in (own, common):
        if isinstance(listed, list):
            return [one for one in dict.fromkeys(map(str, listed)) if one]
    return []
