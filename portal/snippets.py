"""A call that works when pasted: curl first, then the languages people ask for."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING

from django.db.models import Case, When

from apim.catalog.models import ApiVersion
from apim.keys.models import Subscription
from apim.ui.components.actions import Sample
from portal.reference import first_request, gateway_url, is_openapi
from portal.styles.pages import samples_of

if TYPE_CHECKING:
    from apim.keys.models import Application
    from portal.examples import Request

# Stands where the reader's key goes; the shell fills it in.
VARIABLE = "API_KEY"


def for_version(version: ApiVersion, key: str = "") -> tuple[Sample, ...]:
    """The version's easiest call; with `key` it works as it stands. Empty without operations over HTTP."""
    if not is_openapi(version):
        return samples_of(version, key)
    request = first_request(version)
    return for_request(gateway_url(version), request, key) if request else ()


def for_application(application: Application, key: str = "") -> tuple[Sample, ...]:
    """The easiest call that the application may make; empty until it has a subscription."""
    version = (
        ApiVersion.objects.callable()
        .filter(
            products__subscriptions__application=application,
            products__subscriptions__state=Subscription.State.ACTIVE,
        )
        .select_related("api")
        .order_by(Case(When(state=ApiVersion.State.DEPRECATED, then=1), default=0), "-id")
        .first()
    )
    return for_version(version, key) if version else ()


def for_request(base: str, request: Request, key: str = "") -> tuple[Sample, ...]:
    """One request in each language."""
    url = f"{base}{request.target}"
    return (
        Sample("curl", _curl(request, url, key)),
        Sample("Python", _python(request, url, key)),
        Sample("JavaScript", _javascript(request, url, key)),
    )


def _curl(request: Request, url: str, key: str) -> str:
    header = shlex.quote(f"X-API-Key: {key}") if key else f'"X-API-Key: ${VARIABLE}"'
    method = "" if request.method == "GET" else f"-X {request.method} "
    lines = [f"curl {method}{shlex.quote(url)}", f"  -H {header}"]
    if request.body is not None:
        lines += ["  -H 'Content-Type: application/json'", f"  -d {shlex.quote(request.body)}"]
    return " \\\n".join(lines)


def _python(request: Request, url: str, key: str) -> str:
    value = json.dumps(key) if key else f'os.environ["{VARIABLE}"]'
    lines = ["import httpx"] if key else ["import os", "", "import httpx"]
    lines += ["", "answer = httpx.request(", f'    "{request.method}",', f"    {json.dumps(url)},"]
    lines += [f'    headers={{"X-API-Key": {value}}},']
    if request.body is not None:
        lines += [f"    json={_python_literal(request.body)},"]
    return "\n".join([*lines, ")", "answer.raise_for_status()", "print(answer.json())"])


def _python_literal(body: str) -> str:
    return repr(json.loads(body))


def _javascript(request: Request, url: str, key: str) -> str:
    value = json.dumps(key) if key else f"process.env.{VARIABLE}"
    body = request.body is not None
    content_type = ', "Content-Type": "application/json"' if body else ""
    lines = [
        f"const answer = await fetch({json.dumps(url)}, {{",
        f'  method: "{request.method}",',
        f'  headers: {{ "X-API-Key": {value}{content_type} }},',
    ]
    if body:
        lines.append(f"  body: JSON.stringify({request.body}),")
    return "\n".join([*lines, "});", "console.log(await answer.json());"])
