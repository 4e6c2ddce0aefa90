"""Components for forms: fields with label, help and error wired together."""

from typing import Any

from django.forms import BaseForm, BoundField, widgets
from django.template import Library
from django.utils.safestring import SafeString

from apim.ui.components.rendering import render

register = Library()


@register.simple_tag
def field(bound: BoundField, hint: str = "", compact: bool = False) -> SafeString:  # noqa: FBT001, FBT002
    """Label, widget, help and errors of one field.

    `compact` keeps the label for screen readers only. Django 5.2 itself points
    `aria-describedby` at help and errors when their ids follow its pattern, so only a `hint`
    given here has to be joined in.
    """
    widget = bound.field.widget
    kind = _kind(widget)
    look = "choices" if kind == "group" else "input"
    attributes: dict[str, Any] = {"class": f"{look} {widget.attrs.get('class', '')}".strip()}
    described = [
        *([f"{bound.auto_id}_hint"] if hint else []),
        *([f"{bound.auto_id}_helptext"] if bound.help_text else []),
        *([f"{bound.auto_id}_error"] if bound.errors else []),
    ]
    if described and not bound.use_fieldset:
        attributes["aria-describedby"] = " ".join(described)
    if bound.errors:
        attributes["aria-invalid"] = "true"
    return render(
        "field",
        bound=bound,
        control=bound.as_widget(attrs=attributes),
        kind=kind,
        hint=hint,
        compact=compact,
        described_by=" ".join(described),
    )


def _kind(widget: widgets.Widget) -> str:
    """Which shape the template draws: check, group, select, file or text."""
    if isinstance(widget, widgets.CheckboxInput):
        return "check"
    if isinstance(widget, widgets.RadioSelect | widgets.CheckboxSelectMultiple):
        return "group"
    if isinstance(widget, widgets.Select):
        return "select"
    return "file" if isinstance(widget, widgets.FileInput) else "text"


@register.simple_tag
def form_errors(form: BaseForm) -> SafeString:
    """The error summary, linking to each field; empty when the form is valid or unbound."""
    problems = [
        (form[name] if name in form.fields else None, message)
        for name, messages in form.errors.items()
        for message in messages
    ]
    return render("form_errors", problems=problems) if problems else SafeString("")


@register.simple_tag
def form_fields(form: BaseForm) -> SafeString:
    """Error summary, hidden fields, then every visible field in order."""
    return render("form_fields", form=form)


@register.simple_block_tag
def filter_bar(
    content: str,
    label: str,
    clear_url: str = "",
    submit_label: str = "",
    is_automatic: bool = True,  # noqa: FBT001, FBT002
) -> SafeString:
    """A GET form whose state lives in the URL. Content: fields. Sends itself on change."""
    return render(
        "filter_bar",
        content=content,
        label=label,
        clear_url=clear_url,
        submit_label=submit_label,
        is_automatic=is_automatic,
    )
