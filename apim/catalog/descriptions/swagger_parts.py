"""Parameters, bodies, responses and schemas of OpenAPI 2.0 as those of OpenAPI 3.0."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from apim.catalog.openapi.problems import Findings
from apim.catalog.openapi.references import References
from apim.catalog.openapi.refusals import MAX_DEPTH, refuse_at

if TYPE_CHECKING:
    from apim.catalog.openapi.positions import Path

# Keywords that stood in parameters and headers themselves, and belong to their schema now.
_SCHEMA_KEYWORDS = (
    "type", "format", "items", "default", "maximum", "exclusiveMaximum", "minimum",
    "exclusiveMinimum", "maxLength", "minLength", "pattern", "maxItems", "minItems", "uniqueItems",
    "enum", "multipleOf", "x-nullable",
)  # fmt: skip
_PARAMETER_KEPT = ("name", "in", "description", "required", "allowEmptyValue", "deprecated")
_MOVED = {
    "#/definitions/": "#/components/schemas/",
    "#/parameters/": "#/components/parameters/",
    "#/responses/": "#/components/responses/",
    "#/securityDefinitions/": "#/components/securitySchemes/",
}
_ONE = ("items", "additionalProperties", "additionalItems", "not")
_LISTS = ("allOf", "anyOf", "oneOf")
_MAPS = ("properties", "patternProperties", "definitions")
# Of all bodies and responses together: a document's list counts for each of them.
MAX_MEDIA_TYPES = 100_000
FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"
_FLOWS = {"application": "clientCredentials", "accessCode": "authorizationCode"}


class Parts:
    """Upgrades parts of one document, and remembers where each stood."""

    def __init__(self, data: dict[str, Any]) -> None:
        self._references = References(data)
        self.origins: dict[Path, Path] = {}
        self.findings = Findings()
        self._made = 0

    def reference(self, ref: Any) -> Any:
        """Where the part stands now; a reference elsewhere stays, and the checks will name it."""
        if isinstance(ref, str):
            for old, new in _MOVED.items():
                if ref.startswith(old):
                    return new + ref.removeprefix(old)
        return ref

    # Schemas

    def schema(self, value: Any, path: Path, origin: Path | None = None) -> Any:
        if origin is not None:
            self.origins[path] = origin
        if not isinstance(value, dict) or len(path) > 3 * MAX_DEPTH:
            return value
        if "$ref" in value:
            return {**value, "$ref": self.reference(value["$ref"])}
        new = dict(value)
        if isinstance(new.get("items"), list):
            new["items"] = {"oneOf": new["items"]}
        for name in (*_ONE, *_LISTS, *_MAPS):
            below = new.get(name)
            if name in _ONE and isinstance(below, dict):
                new[name] = self.schema(below, (*path, name))
            elif name in _LISTS and isinstance(below, list):
                new[name] = [self.schema(one, (*path, name)) for one in below]
            elif name in _MAPS and isinstance(below, dict):
                new[name] = {key: self.schema(one, (*path, name)) for key, one in below.items()}
        _modernize(new)
        return new

    def _schema_of(self, value: dict[str, Any], path: Path) -> dict[str, Any]:
        """From the keywords of a parameter, header or items object."""
        picked = {name: value[name] for name in _SCHEMA_KEYWORDS if name in value}
        made: dict[str, Any] = self.schema(picked, path)
        return made

    # Parameters

    def plain_parameters(self, listed: list[Any], path: Path) -> list[Any]:
        """Those that stay parameters, neither body nor form field."""
        kept: list[Any] = []
        for index, one in enumerate(listed):
            place, value = self._resolved(one)
            if place in {"body", "formData"}:
                continue
            here = (*path, len(kept))
            self.origins[here] = (*path, index)
            is_reference = isinstance(one, dict) and "$ref" in one
            if is_reference:
                kept.append({"$ref": self.reference(one["$ref"])})
            else:
                kept.append(self._parameter(value, here))
        return kept

    def _resolved(self, one: Any) -> tuple[Any, Any]:
        target = self._references.follow(one, ()).value
        return (target.get("in"), target) if isinstance(target, dict) else (None, one)

    def _parameter(self, value: Any, path: Path) -> Any:
        if not isinstance(value, dict):
            return value
        new = {name: value[name] for name in _PARAMETER_KEPT if name in value}
        new.update(_extensions(value))
        if new.get("in") != "query":
            new.pop("allowEmptyValue", None)
        if "x-example" in new:
            new["example"] = new.pop("x-example")
        new["schema"] = self._schema_of(value, (*path, "schema"))
        self.origins[*path, "schema"] = self.origins.get(path, path)
        if value.get("type") == "array":
            self._serialize(new, value.get("collectionFormat", "csv"), path)
        return new

    def _serialize(self, new: dict[str, Any], form: Any, path: Path) -> None:
        """`style` and `explode` for a collectionFormat."""
        is_query = new.get("in") in {"query", None}
        if form == "multi":
            new.update(style="form", explode=True)
        elif form == "csv":
            new.update(style="form" if is_query else "simple", explode=False)
        elif form in {"ssv", "pipes"} and is_query:
            style = "spaceDelimited" if form == "ssv" else "pipeDelimited"
            new.update(style=style, explode=False)
        else:
            new.update(style="form" if is_query else "simple", explode=False)
            self.findings.warning(
                (*path, "collectionFormat"),
                _("“%(form)s” cannot be said in OpenAPI 3; values are told as separated by commas.")
                % {"form": str(form)[:20]},
            )

    def components_of_parameters(
        self, declared: dict[str, Any], consumes: list[str]
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Parameters for all to refer to; bodies among them become request bodies."""
        parameters: dict[str, Any] = {}
        bodies: dict[str, Any] = {}
        for name, value in declared.items():
            place, resolved = self._resolved(value)
            origin = ("parameters", name)
            if place == "body":
                path: Path = ("components", "requestBodies", name)
                bodies[name] = self._body(resolved, consumes, path, origin)
            elif place != "formData":
                path = ("components", "parameters", name)
                self.origins[path] = origin
                parameters[name] = self._parameter(resolved, path)
        return parameters, bodies

    # Bodies

    def request_body(
        self, lists: list[tuple[Any, Path]], consumes: list[str], path: Path
    ) -> dict[str, Any] | None:
        """From the body and form parameters in `lists`, of which earlier ones win."""
        bodies: list[tuple[dict[str, Any], Path]] = []
        fields: dict[str, tuple[dict[str, Any], Path]] = {}
        for listed, origin in lists:
            for index, one in enumerate(listed if isinstance(listed, list) else ()):
                place, value = self._resolved(one)
                if place == "body":
                    bodies.append((value, (*origin, index)))
                elif place == "formData":
                    fields.setdefault(str(value.get("name")), (value, (*origin, index)))
        if bodies:
            value, origin = bodies[0]
            if fields:
                self.findings.warning(
                    origin,
                    _("An operation has a body or form fields, not both; the fields are left out."),
                )
            return self._body(value, consumes, path, origin)
        return self._form(list(fields.values()), consumes, path) if fields else None

    def _body(
        self, value: dict[str, Any], consumes: list[str], path: Path, origin: Path
    ) -> dict[str, Any]:
        self.origins[path] = origin
        schema = self.schema(value.get("schema", {}), (*path, "schema"), (*origin, "schema"))
        new: dict[str, Any] = {
            name: value[name] for name in ("description", "required") if name in value
        }
        new.update(_extensions(value))
        new["content"] = self._content(schema, consumes or ["application/json"], path, origin)
        return new

    def _content(
        self, schema: Any, types: list[str], path: Path, origin: Path
    ) -> dict[str, dict[str, Any]]:
        self._made += len(types)
        if self._made > MAX_MEDIA_TYPES:
            refuse_at(
                1,
                1,
                _("The media types of all operations are more than %(max)d.")
                % {"max": MAX_MEDIA_TYPES},
                _("Shorten the lists of “consumes” and “produces”."),
            )
        for one in types:
            self.origins[*path, "content", one, "schema"] = (*origin, "schema")
        return {one: {"schema": schema} for one in types}

    def _form(
        self, fields: list[tuple[dict[str, Any], Path]], consumes: list[str], path: Path
    ) -> dict[str, Any]:
        """An object with a property per field."""
        schema: dict[str, Any] = {"type": "object", "properties": {}}
        encoding: dict[str, Any] = {}
        self.origins[path] = fields[0][1]
        has_file = any(value.get("type") == "file" for value, _origin in fields)
        types = [t for t in consumes if t in {FORM, MULTIPART}]
        types = [MULTIPART] if has_file else types or [FORM]
        required = []
        for value, origin in fields:
            name = str(value.get("name"))
            one = self._schema_of(value, (*path, "schema", "properties", name))
            if isinstance(value.get("description"), str):
                one["description"] = value["description"]
            one.update(_extensions(value))
            schema["properties"][name] = one
            for media_type in types:
                place = (*path, "content", media_type, "schema", "properties", name)
                self.origins[place] = origin
            if value.get("required") is True:
                required.append(name)
            if value.get("type") == "array":
                encoding[name] = {}
                self._serialize(encoding[name], value.get("collectionFormat", "csv"), origin)
        if required:
            schema["required"] = required
        media: dict[str, Any] = {"schema": schema}
        if encoding:
            media["encoding"] = encoding
        return {
            "content": dict.fromkeys(types, media),
            **({"required": True} if required else {}),
        }

    # Responses

    def responses(self, value: Any, produces: list[str], path: Path) -> Any:
        if not isinstance(value, dict):
            return value
        return {
            code: one if code.startswith("x-") else self.response(one, produces, (*path, code))
            for code, one in value.items()
        }

    def response(
        self, value: Any, produces: list[str], path: Path, origin: Path | None = None
    ) -> Any:
        origin = origin or path
        self.origins[path] = origin
        if not isinstance(value, dict):
            return value
        if "$ref" in value:
            return {"$ref": self.reference(value["$ref"])}
        new = {"description": value["description"]} if "description" in value else {}
        new.update(_extensions(value))
        if isinstance(value.get("headers"), dict):
            new["headers"] = {
                name: self._header(one, (*path, "headers", name))
                for name, one in value["headers"].items()
            }
        given = value.get("examples")
        given = given if isinstance(given, dict) else {}
        if "schema" in value:
            schema = self.schema(value["schema"], (*path, "schema"))
            types = produces or list(given) or ["*/*"]
            new["content"] = self._content(schema, types, path, origin)
        for media_type, one in given.items():
            new.setdefault("content", {}).setdefault(media_type, {})["example"] = one
        return new

    def _header(self, value: Any, path: Path) -> Any:
        if not isinstance(value, dict):
            return value
        new: dict[str, Any] = {"schema": self._schema_of(value, (*path, "schema"))}
        self.origins[*path, "schema"] = path
        if "description" in value:
            new["description"] = value["description"]
        new.update(_extensions(value))
        return new


def security_scheme(value: Any, parts: Parts, name: str) -> Any:
    """HTTP basic authentication, an API key, or OAuth 2 with one flow."""
    path: Path = ("components", "securitySchemes", name)
    parts.origins[path] = ("securityDefinitions", name)
    if not isinstance(value, dict):
        return value
    new = {k: v for k, v in value.items() if k == "description" or k.startswith("x-")}
    kind = value.get("type")
    if kind == "basic":
        return {"type": "http", "scheme": "basic", **new}
    if kind != "oauth2":
        return value
    flow = {
        k: value[k] for k in ("authorizationUrl", "tokenUrl", "refreshUrl", "scopes") if k in value
    }
    named = str(value.get("flow"))
    return {"type": "oauth2", "flows": {_FLOWS.get(named, named): flow}, **new}


def _extensions(value: dict[str, Any]) -> dict[str, Any]:
    return {
        name: below
        for name, below in value.items()
        if name.startswith("x-") and name != "x-nullable"
    }


def _modernize(new: dict[str, Any]) -> None:
    """Keywords that changed their form."""
    kind = new.get("type")
    if kind == "file":
        new.update(type="string", format="binary")
    elif isinstance(kind, list) and "null" in kind and len(kind) == 2:
        # JSON Schema's way, which OpenAPI 2.0 has not either; many documents write it so.
        new["type"] = next((one for one in kind if one != "null"), "null")
        new["nullable"] = True
    if isinstance(new.get("x-nullable"), bool):
        new["nullable"] = new.pop("x-nullable")
    if isinstance(new.get("discriminator"), str):
        new["discriminator"] = {"propertyName": new["discriminator"]}
    if "x-deprecated" in new and "deprecated" not in new:
        new["deprecated"] = new["x-deprecated"] is True
    new.pop("collectionFormat", None)
