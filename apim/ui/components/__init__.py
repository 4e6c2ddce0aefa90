"""The template components, one module per family; `templatetags/ui.py` joins them.

A component is a tag, a template in templates/components/ and a stylesheet of the same name.
"""
