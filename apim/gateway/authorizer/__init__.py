"""Answers "may this call pass?" for every gateway, without Django.

`granian --interface asgi apim.gateway.authorizer:app`
"""

from apim.gateway.authorizer.app import app

__all__ = ["app"]
