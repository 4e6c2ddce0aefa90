"""What programs read to find their way: the API catalog and the index for language models."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.http import HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from apim.accounts.policies import public
from apim.catalog.selectors import catalog_apis
from portal.guides import all_guides
from portal.reference import gateway_url

if TYPE_CHECKING:
    from apim.accounts.viewers import ViewerRequest
    from apim.catalog.models import Api, ApiVersion

# RFC 9727: the well-known path, the media type with its profile, the Link header on HEAD.
PROFILE = "https://www.rfc-editor.org/info/rfc9727"
LINKSET = f'application/linkset+json; profile="{PROFILE}"'


@public
@require_safe
def api_catalog(request: ViewerRequest) -> HttpResponse:
    """Every callable version with its address, description and documentation."""
    versions = [version for api in catalog_apis() for version in _versions(api)]
    body = json.dumps({"linkset": [_links(version) for version in versions]})
    response = HttpResponse(body, content_type=LINKSET)
    response["Link"] = f'<{request.path}>; rel="api-catalog"'
    return response


def _links(version: ApiVersion) -> dict[str, Any]:
    names = [version.api.slug, version.name]
    document = reverse("portal:reference-document", args=names)
    return {
        "anchor": f"{gateway_url(version)}/",
        "service-desc": [{"href": _absolute(document), "type": "application/vnd.oai.openapi+json"}],
        "service-doc": [
            {"href": _absolute(reverse("portal:api-version", args=names)), "type": "text/html"}
        ],
    }


@public
@require_safe
def llms_txt(request: ViewerRequest) -> HttpResponse:
    """An index in the form of llmstxt.org: one title, one summary, lists of links."""
    del request
    lines = [
        f"# {settings.APIM_SITE_NAME}",
        "",
        f"> APIs behind the gateway {settings.APIM_GATEWAY_URL}. A call needs the X-API-Key header.",
        "",
        "## APIs",
        "",
    ]
    for api in catalog_apis():
        for version in _versions(api):
            document = _absolute(
                reverse("portal:reference-document", args=[api.slug, version.name])
            )
            lines.append(f"- [{api.name} {version.name}]({document}): {api.summary or api.name}")
    lines += ["", "## Guides", ""]
    for guide in all_guides():
        address = _absolute(reverse("portal:guide", args=[guide.slug]))
        lines.append(f"- [{guide.title}]({address}): {guide.summary}")
    return HttpResponse("\n".join([*lines, ""]), content_type="text/plain; charset=utf-8")


def _versions(api: Api) -> list[ApiVersion]:
    versions: list[ApiVersion] = getattr(api, "callable_versions", [])
    return versions


def _absolute(path: str) -> str:
    return f"{settings.APIM_PUBLIC_URL}{path}"
