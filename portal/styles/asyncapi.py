"""The reference of an AsyncAPI document."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from apim.catalog.descriptions.asyncapi import actions_of, tag_names
from portal.styles.model import Anchors, Entry, Part, Reference, Row, Section
from portal.styles.schemas import SchemaTrees

if TYPE_CHECKING:
    from apim.catalog.descriptions import Description
    from apim.catalog.descriptions.asyncapi import Action, Message

MAX_EXAMPLE = 4000


def make(description: Description, _url: str) -> Reference:
    """What the API sends and receives, under the operations' first tag."""
    data = description.data
    trees = SchemaTrees(data)
    anchors = Anchors()
    groups: dict[str, list[Entry]] = {}
    for action in actions_of(data):
        tags = tag_names(action.value) or tag_names(action.channel)
        entry = _entry(action, trees, anchors)
        groups.setdefault(tags[0] if tags else "", []).append(entry)
    told = {tag.name: tag.description for tag in description.tags}
    sections = tuple(
        Section(anchors.of("tag", tag), tag or _("Operations"), tuple(entries), told.get(tag, ""))
        for tag, entries in groups.items()
    )
    # Over HTTP the gateway stands before the provider, whose own address is not told.
    servers = tuple(
        (server.url, server.description)
        for server in description.servers
        if not server.url.startswith(("http:", "https:"))
    )
    return Reference(sections, description.description, servers=servers)


def _entry(action: Action, trees: SchemaTrees, anchors: Anchors) -> Entry:
    value = action.value
    direction = (
        _("The API sends; you receive.")
        if action.action == "send"
        else _("You send; the API receives.")
    )
    facts = [(_("Direction"), direction), (_("Channel"), action.address)]
    if action.channel_id != action.address:
        facts.append((_("Name of the channel"), action.channel_id))
    parts = []
    if action.parameters:
        rows = tuple(_parameter(name, one) for name, one in action.parameters.items())
        parts.append(Part(_("Parameters of the address"), rows))
    for message in action.messages:
        parts += _message_parts(message, trees)
    description = _text(value.get("description")) or _text(action.channel.get("description"))
    return Entry(
        anchor=anchors.of(action.action, action.operation_id),
        label=action.action,
        name=action.address,
        summary=_text(value.get("summary")) or _text(value.get("title")),
        description=description,
        is_deprecated=any(h.get("deprecated") is True for h in (value, action.channel)),
        facts=tuple(facts),
        parts=tuple(parts),
    )


def _parameter(name: str, one: dict[str, Any]) -> Row:
    schema = one.get("schema")
    held = schema if isinstance(schema, dict) else one
    enum = held.get("enum")
    facts = []
    if isinstance(enum, list) and enum:
        facts.append(_("one of %(values)s") % {"values": ", ".join(map(str, enum[:20]))})
    return Row(
        name,
        _text(held.get("type")) or "string",
        description=_text(one.get("description")),
        facts=tuple(facts),
        is_required=True,
    )


def _message_parts(message: Message, trees: SchemaTrees) -> list[Part]:
    name = message.title or message.name or _("Message")
    title = _("Message: %(name)s") % {"name": name}
    if message.content_type:
        title = f"{title} ({message.content_type})"
    said = "\n\n".join(filter(None, (message.summary, message.description)))
    if message.payload_format:
        schema = message.payload if isinstance(message.payload, str) else _json(message.payload)
        parts = [
            Part(f"{title}, {message.payload_format}", code=schema[:MAX_EXAMPLE], description=said)
        ]
    else:
        parts = [Part(title, trees.rows(message.payload), description=said)]
    if message.headers:
        parts.append(Part(_("Headers"), trees.rows(message.headers)))
    for example in message.examples[:2]:
        if isinstance(example, dict) and "payload" in example:
            parts.append(Part(_("Example"), code=_json(example["payload"])[:MAX_EXAMPLE]))
    return parts


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
