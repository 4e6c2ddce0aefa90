"""`python -m apim.cli`: lint and diff offline; check, upload and publish against a platform.

An edge: it knows the catalog's readers, rules and differ, but no table, and talks to a platform
through the management API like any other program.
"""
