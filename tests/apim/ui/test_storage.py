"""What collectstatic makes of our files: hashed names, one stylesheet, vendored bytes untouched."""

import re
from pathlib import Path

import pytest
from django.contrib.staticfiles.finders import get_finders

from apim.ui.storage import HashedStaticFilesStorage


@pytest.fixture(scope="module")
def collected(tmp_path_factory):
    """The static folder as collectstatic writes it."""
    root = tmp_path_factory.mktemp("static")
    storage = HashedStaticFilesStorage(location=str(root), base_url="/static/")
    paths = {}
    for finder in get_finders():
        for path, source in finder.list([]):
            if path.startswith(("css/", "js/", "img/", "vendor/")):
                paths[path] = (source, path)
                with source.open(path) as file:
                    storage.save(path, file)
    for name, _, processed in storage.post_process(paths):
        assert not isinstance(processed, Exception), name
    return root, storage


def test_page_loads_one_stylesheet_with_all_layers(collected):
    root, storage = collected
    css = (root / storage.stored_name("css/app.css")).read_text()
    assert "@import" not in css
    assert css.index("@layer reset, tokens") < css.index("@layer reset {")
    assert ".data-table" in css
    assert css.count("{") == css.count("}")


def test_modules_import_each_other_by_hashed_name(collected):
    root, storage = collected
    script = (root / storage.stored_name("js/app.js")).read_text()
    imports = re.findall(r'import "\./([^"]+)";', script)
    assert len(imports) >= 8
    for name in imports:
        assert re.search(r"\.[0-9a-f]{12}\.js$", name)
        assert (root / "js" / name).is_file()


def test_vendored_scripts_keep_every_byte(collected):
    root, storage = collected
    for name in ("vendor/htmx/htmx.min.js", "vendor/chartjs/chart.umd.min.js"):
        assert (root / storage.stored_name(name)).read_bytes() == (root / name).read_bytes()


def test_own_modules_stay_within_ten_kilobytes():
    import gzip  # noqa: PLC0415

    scripts = Path(__file__).resolve().parents[3] / "static" / "js"
    content = b"".join(path.read_bytes() for path in sorted(scripts.rglob("*.js")))
    assert len(gzip.compress(content)) < 10_000
