"""Components escape what they are given, name themselves to readers, and carry no inline code."""

import re
from datetime import timedelta

import pytest
from django import forms
from django.core.paginator import Paginator
from django.template import Context, Template
from django.test import RequestFactory
from django.utils import timezone

from apim.core.errors import InvalidInput
from apim.ui.components.charts import Series
from apim.ui.components.states import LOOKS
from apim.ui.forms import add_domain_error
from apim.ui.navigation import NavItem, NavSection, mark_active

EVIL = "<script>alert(1)</script>"


def draw(source, **context):
    context.setdefault("request", RequestFactory().get("/list/?q=sun&page=2"))
    return Template(source).render(Context(context))


@pytest.mark.parametrize(
    "source",
    [
        "{% page_header evil description=evil public_id=evil back_url='/' back_label=evil %}{% endpage_header %}",
        "{% panel evil description=evil %}{{ evil }}{% endpanel %}",
        "{% notice 'warn' title=evil %}{{ evil }}{% endnotice %}",
        "{% badge evil %}",
        "{% stat evil evil unit=evil %}",
        "{% copy_field evil evil True %}",
        "{% secret_reveal evil evil %}",
        "{% code_sample evil evil %}",
        "{% empty_state evil %}{{ evil }}{% endempty_state %}",
        "{% confirm_dialog 'd' evil action='/' confirm_label=evil type_to_confirm=evil %}{{ evil }}{% endconfirm_dialog %}",
        "{% post_button evil '/' name=evil value=evil %}",
        "{% chart evil series labels unit=evil period=evil %}",
        "{% data_table evil %}{% enddata_table %}",
        "{% icon 'key' label=evil %}",
        "{% menu evil %}{{ evil }}{% endmenu %}",
    ],
)
def test_component_escapes_every_value(source):
    html = draw(source, evil=EVIL, series=[Series(EVIL, [1])], labels=[EVIL])
    assert "<script" not in html
    assert "&lt;script&gt;" in html


def test_block_content_stays_html():
    html = draw("{% page_header 'A' %}<a href='/x'>Go</a>{% endpage_header %}")
    assert "<a href='/x'>Go</a>" in html


@pytest.mark.parametrize("state", [*LOOKS, "never_heard_of"])
def test_badge_has_a_word_and_an_icon(state):
    html = draw("{% badge state %}", state=state)
    assert "<use href=" in html
    assert re.sub(r"<[^>]+>", "", html).strip()


def test_every_icon_that_python_names_is_in_the_sprite():
    from pathlib import Path  # noqa: PLC0415

    root = Path(__file__).resolve().parents[3]
    sprite = set(re.findall(r'<symbol id="([\w-]+)"', (root / "static/img/icons.svg").read_text()))
    named = {look.icon for look in LOOKS.values()}
    for path in (root / "templates").rglob("*.html"):
        named |= set(re.findall(r'{% icon "([\w-]+)"', path.read_text()))
    assert named <= sprite


class Form(forms.Form):
    name = forms.CharField(help_text="Shown to all.")
    kind = forms.ChoiceField(choices=[("a", "A")], widget=forms.RadioSelect)


def test_field_ties_help_and_error_to_its_input():
    html = draw("{% field form.name %}", form=Form({}))
    described = re.search(r'<input[^>]*aria-describedby="([^"]+)"', html)[1].split()
    assert described == ["id_name_helptext", "id_name_error"]
    assert all(f'id="{name}"' in html for name in described)
    assert 'aria-invalid="true"' in html
    assert '<label class="field__label" for="id_name">' in html


def test_error_summary_links_each_field():
    html = draw("{% form_errors form %}", form=Form({}))
    assert 'href="#id_name"' in html
    assert 'role="alert"' in html
    assert not draw("{% form_errors form %}", form=Form())


def test_domain_error_lands_beside_its_field():
    form = Form({"name": "x", "kind": "a"})
    assert form.is_valid()
    add_domain_error(form, InvalidInput(fields={"name": ["Taken."], "paths": ["Line 3."]}))
    assert form.errors["name"] == ["Taken."]
    assert form.non_field_errors() == ["paths: Line 3."]


def test_chart_table_holds_values_and_gaps():
    html = draw(
        "{% chart 'Calls' series labels unit='calls' period='today' is_last_partial=True %}",
        series=[Series("ok", [1204, None])],
        labels=["00:00", "01:00"],
    )
    assert 'data-value="1204">1,204<' in html
    assert '<td class="num">\N{EN DASH}<' in html
    assert 'role="img"' in html
    assert "(not finished)" in html


def test_chart_refuses_an_unknown_kind():
    with pytest.raises(ValueError, match="pie"):
        draw("{% chart 't' series labels unit='u' period='p' kind='pie' %}", series=[], labels=[])


def test_sparkline_stacks_errors_within_the_bar():
    html = draw("{% sparkline values errors %}", values=[10, 0, 5], errors=[5, 0, 0])
    assert html.count("sparkline__bad") == 1
    assert html.count("sparkline__none") == 1
    assert 'aria-label="15 calls, 5 errors"' in html


def test_pagination_keeps_the_other_parameters():
    page = Paginator(range(100), 25).page(2)
    html = draw("{% pagination page %}", page=page)
    assert "?q=sun&amp;page=1" in html
    assert "?q=sun&amp;page=3" in html
    assert "26\N{EN DASH}50 of 100" in html


def test_sort_header_reverses_and_drops_the_page():
    request = RequestFactory().get("/?sort=name&page=4")
    html = draw("{% sort_header 'Name' 'name' %}", request=request)
    assert 'href="?sort=-name"' in html
    assert 'aria-sort="ascending"' in html


def test_timestamp_keeps_the_instant():
    at = timezone.now() - timedelta(minutes=4)
    html = draw("{% timestamp at %}", at=at)
    assert "4 min ago" in html
    assert at.isoformat(timespec="seconds")[:19] in html
    assert "Never" in draw("{% timestamp None %}")


@pytest.mark.parametrize(("used", "tone"), [(10, "accent"), (80, "warn"), (100, "danger")])
def test_progress_warns_before_the_limit(used, tone):
    assert f"progress--{tone}" in draw("{% progress used 100 'Per day' %}", used=used)


def test_only_the_closest_navigation_item_is_active():
    home = NavItem("Overview", "/dashboard/", is_exact=True)
    apis = NavItem("APIs", "/dashboard/apis/")
    money = NavItem("Finance", "/dashboard/finance/", also=("/dashboard/prices/",))

    def active(path):
        items = [
            item
            for section in mark_active([NavSection([home, apis, money])], path)
            for item in section.items
        ]
        return [item.label for item in items if item.is_active]

    assert active("/dashboard/") == ["Overview"]
    assert active("/dashboard/apis/sun/") == ["APIs"]
    assert active("/dashboard/prices/1/") == ["Finance"]
    assert active("/dashboard/elsewhere/") == []
