"""The component library. It is built in: templates need no `{% load %}`."""

from django.template import Library

from apim.ui.components import actions, charts, facts, forms, frame

register = Library()

for family in (frame, facts, actions, forms, charts):
    register.tags.update(family.register.tags)
