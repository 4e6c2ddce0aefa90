"""How a service's refusal gets back into the form it came from."""

from django import forms

from apim.core.errors import DomainError


def add_domain_error(form: forms.BaseForm, error: DomainError) -> None:
    """Show the error beside the fields it names, the rest of it above the form."""
    rest = {name: messages for name, messages in error.fields.items() if name not in form.fields}
    for name, messages in error.fields.items():
        if name in form.fields:
            form.add_error(name, messages)
    for name, messages in rest.items():
        form.add_error(None, [f"{name}: {message}" for message in messages])
    if not error.fields:
        form.add_error(None, error.message)
