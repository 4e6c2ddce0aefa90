"""The frame of every page: badge, own style sheet, strict policy."""

import html
from pathlib import Path
from urllib.parse import urlsplit

from billing.stripe_simulator.http import Answer

CSS_PATH = "/simulator.css"
ZERO_DECIMAL = {"jpy", "krw", "vnd", "clp", "isk", "huf"}
BADGE = "Stripe simulator: no real money moves here"


def text(value: object) -> str:
    return html.escape(str(value))


def money(amount: int, currency: str) -> str:
    """Return an amount of minor units, such as `12.50 EUR`."""
    if currency in ZERO_DECIMAL - {"huf", "isk"}:
        return f"{amount} {currency.upper()}"
    sign = "-" if amount < 0 else ""
    return f"{sign}{abs(amount) // 100}.{abs(amount) % 100:02d} {currency.upper()}"


def css() -> Answer:
    body = Path(__file__).with_name("simulator.css").read_bytes()
    return Answer(body=body, content_type="text/css; charset=utf-8")


def document(
    title: str, body: str, *, status: int = 200, leads_to: tuple[str | None, ...] = ()
) -> Answer:
    """Return a page; `leads_to` are the outside addresses that its forms may end at."""
    origins = {f"{p.scheme}://{p.netloc}" for to in leads_to if to and (p := urlsplit(to)).netloc}
    targets = " ".join(["'self'", *sorted(origins)])
    policy = f"default-src 'none'; style-src 'self'; form-action {targets}; base-uri 'none'"
    page = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{text(title)} – Stripe simulator</title><link rel="stylesheet" href="{CSS_PATH}">'
        f"</head><body><header>{BADGE}</header><main><h1>{text(title)}</h1>{body}</main></body></html>"
    )
    headers = {
        "Content-Security-Policy": f"{policy}; frame-ancestors 'none'",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
    }
    return Answer(
        status=status, body=page.encode(), content_type="text/html; charset=utf-8", headers=headers
    )


def redirect(to: str) -> Answer:
    return Answer(status=303, content_type="text/plain", headers={"Location": to})


def section(title: str, body: str) -> str:
    return f"<section><h2>{text(title)}</h2>{body}</section>"


def table(heads: list[str], rows: list[list[str]], *, numbers: tuple[int, ...] = ()) -> str:
    """Return a table; cells are HTML already."""

    def cell(kind: str, index: int, content: str) -> str:
        css_class = ' class="number"' if index in numbers else ""
        return f"<{kind}{css_class}>{content}</{kind}>"

    head = "".join(cell("th", i, text(name)) for i, name in enumerate(heads))
    body = "".join(
        f"<tr>{''.join(cell('td', i, part) for i, part in enumerate(row))}</tr>" for row in rows
    )
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def button(action: str, label: str, *, is_plain: bool = False, **fields: str) -> str:
    hidden = "".join(
        f'<input type="hidden" name="{text(name)}" value="{text(value)}">'
        for name, value in fields.items()
    )
    css_class = ' class="plain"' if is_plain else ""
    return (
        f'<form class="inline" method="post" action="{text(action)}">{hidden}'
        f"<button{css_class}>{text(label)}</button></form>"
    )
