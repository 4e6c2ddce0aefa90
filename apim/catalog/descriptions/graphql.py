"""GraphQL: a schema, in its own language or as introspection gives it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from apim.catalog.descriptions.description import Description, Style
from apim.catalog.descriptions.graphql_sdl import ROOTS, Schema, Tree
from apim.catalog.descriptions.told import distinct, operation
from apim.catalog.openapi.problems import Findings, InvalidSpecification, Severity, SpecProblem

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from apim.catalog.descriptions.tokens import Text
    from apim.catalog.openapi.operations import OperationSpec
    from apim.catalog.openapi.positions import Path, Positions

SCALARS = frozenset({"Int", "Float", "String", "Boolean", "ID"})
# GraphQL over HTTP (draft): requests and answers are JSON, by POST or by GET.
JSON_TYPE = "application/json"


def read_graphql(texts: list[Text], *, title: str, sha256: str) -> Description:
    """One schema from one or several texts. Raises InvalidSpecification."""
    schema = Schema()
    for text in texts:
        schema.add(text)
    schema.merge()
    roots = schema.roots or {
        root: root.capitalize() for root in ROOTS if root.capitalize() in schema.types
    }
    tree: Tree = {"roots": roots, "types": schema.types}
    if schema.directives:
        tree["directives"] = schema.directives
    if schema.description:
        tree["description"] = schema.description
    return described(
        tree, schema.spots, title=title, form="graphql", media_type="application/graphql",
        sha256=sha256, repeated=schema.repeated,
    )  # fmt: skip


def described(
    tree: Tree,
    positions: Positions,
    *,
    title: str,
    form: str,
    media_type: str,
    sha256: str,
    repeated: Sequence[Path] = (),
) -> Description:
    """The description of a complete tree. Raises InvalidSpecification."""
    warnings = _checked(tree, positions, repeated)
    return Description(
        style=Style.GRAPHQL,
        style_version="",
        format=form,
        media_type=media_type,
        title=title,
        version="",
        summary="",
        description=tree.get("description", ""),
        servers=(),
        tags=(),
        operations=distinct(_operations(tree)),
        data=tree,
        uploaded=tree,
        positions=positions,
        warnings=warnings,
        sha256=sha256,
    )


def _checked(tree: Tree, positions: Positions, repeated: Sequence[Path]) -> tuple[SpecProblem, ...]:
    """The warnings, if there is no error."""
    findings = Findings()
    for path in repeated:
        findings.warning(
            path,
            _("“%(name)s” stands here twice; both say the same.") % {"name": path[-1]},
            _("Remove one of the two: the first counts."),
        )
    for root, name in tree["roots"].items():
        if tree["types"].get(name, {}).get("kind") != "object":
            findings.error(
                ("types", name),
                _("The schema's %(root)s is “%(name)s”, which is no object type in it.")
                % {"root": root, "name": name},
            )
    if "query" not in tree["roots"]:
        is_part = any(name in tree["roots"] for name in ROOTS)
        complain = findings.warning if is_part else findings.error
        complain(
            (),
            _("The schema has no query type, so there is nothing to ask."),
            _("Define `type Query {…}`, or name another in `schema {query: …}`."),
        )
    for name, path in _uses(tree):
        if name not in tree["types"] and name not in SCALARS:
            findings.error(
                path,
                _("The type “%(name)s” is not defined.") % {"name": name},
                _("Define it, or upload the files of the schema together in a zip."),
            )
    problems = findings.problems(positions)
    if any(p.severity is Severity.ERROR for p in problems):
        raise InvalidSpecification(problems)
    return problems


def _uses(tree: Tree) -> Iterator[tuple[str, Path]]:
    """Each type that something is of, and where."""
    for name, one in tree["types"].items():
        path: Path = ("types", name)
        for field, value in one.get("fields", {}).items():
            yield named_type(value["type"]), (*path, "fields", field)
            for argument, given in value.get("arguments", {}).items():
                here = (*path, "fields", field, "arguments", argument)
                yield named_type(given["type"]), here
        for key in ("interfaces", "members"):
            for other in one.get(key, ()):
                yield other, path


def named_type(written: str) -> str:
    """`User` for `[User!]!`."""
    return written.strip("[]!")


def _operations(tree: Tree) -> Iterator[OperationSpec]:
    """The one address for calls, and each field of the root types."""
    yield operation(
        "POST",
        "/",
        "graphql",
        summary=_("Ask or change: any request in GraphQL"),
        request_types=[JSON_TYPE],
        response_types=[JSON_TYPE],
    )
    yield operation("GET", "/", "graphql_get", summary=_("Ask, with the query in the address"))
    for root, type_name in tree["roots"].items():
        for name, field in tree["types"][type_name].get("fields", {}).items():
            yield operation(
                root,
                name,
                f"{root}.{name}",
                description=field.get("description", ""),
                tags=[root],
                is_deprecated="deprecated" in field,
                parameter_count=len(field.get("arguments", {})),
                request_types=[JSON_TYPE],
                response_types=[JSON_TYPE],
            )


def title_from(filename: str | None, fallback: str) -> str:
    """`Star charts` for `star-charts.graphql`; the fallback for names such as `schema.graphql`."""
    stem = (filename or "").replace("\\", "/").rpartition("/")[2].partition(".")[0]
    words = re.sub(r"[-_\s]+", " ", stem).strip()
    is_common = words.lower() in {"", "schema", "schema docs", "api", "service", "description"}
    return fallback if is_common else (words[0].upper() + words[1:])[:200]


def as_tree(data: Any) -> Any:
    """The part of an introspection's answer that holds the schema, or None."""
    for holder in (data, data.get("data") if isinstance(data, dict) else None):
        if isinstance(holder, dict) and isinstance(holder.get("__schema"), dict):
            return holder["__schema"]
    return None
