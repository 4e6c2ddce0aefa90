"""Components that do something: copy, reveal, confirm, post."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.template import Context, Library
from django.utils.safestring import SafeString

from apim.ui.components.rendering import render

register = Library()


@dataclass(frozen=True, slots=True)
class Sample:
    """One tab of a code sample, for example `Sample("curl", "curl https://…")`."""

    label: str
    code: str


@register.simple_tag
def copy_field(value: str, label: str, show_label: bool = False) -> SafeString:  # noqa: FBT001, FBT002
    """A value in monospace with a copy button. `label` names it for screen readers."""
    return render("copy_field", value=value, label=label, show_label=show_label)


@register.simple_tag
def secret_reveal(value: str, label: str) -> SafeString:
    """A secret shown once: masked, revealable; leaving the page before copying asks first."""
    return render("secret_reveal", value=value, label=label)


@register.simple_tag
def code_sample(code: str | Sequence[Sample], label: str, element_id: str = "code") -> SafeString:
    """Code with a copy button; a sequence of `Sample` becomes tabs that work without JavaScript.

    Two tabbed samples on one page need different `element_id`s.
    """
    samples = [Sample("", code)] if isinstance(code, str) else list(code)
    return render("code_sample", samples=samples, label=label, element_id=element_id)


@register.simple_block_tag(takes_context=True)
def confirm_dialog(
    context: Context,
    content: str,
    dialog_id: str,
    title: str,
    action: str,
    confirm_label: str,
    tone: str = "danger",
    type_to_confirm: str = "",
) -> SafeString:
    """A `<dialog>` that posts to `action`. Content: the consequence, and any hidden inputs.

    Open it with `confirm_link`. `type_to_confirm` asks for that word first.
    """
    return render(
        "confirm_dialog",
        content=content,
        dialog_id=dialog_id,
        title=title,
        action=action,
        confirm_label=confirm_label,
        tone=tone,
        type_to_confirm=type_to_confirm,
        csrf_token=context.get("csrf_token", ""),
    )


@register.simple_tag
def confirm_link(
    label: str, url: str, dialog_id: str, icon: str = "", css_class: str = "button"
) -> SafeString:
    """Opens the dialog; without JavaScript it leads to the confirmation page at `url`."""
    return render(
        "confirm_link", label=label, url=url, dialog_id=dialog_id, icon=icon, css_class=css_class
    )


@register.simple_tag(takes_context=True)
def post_button(
    context: Context,
    label: str,
    action: str,
    css_class: str = "button",
    icon: str = "",
    name: str = "",
    value: str = "",
) -> SafeString:
    """One button in its own form, for changes that need no confirmation."""
    return render(
        "post_button",
        label=label,
        action=action,
        css_class=css_class,
        icon=icon,
        name=name,
        value=value,
        csrf_token=context.get("csrf_token", ""),
    )
