"""Static files for production: hashed names, one stylesheet, no build step."""

import re
from collections.abc import Iterator
from typing import Any

from django.contrib.staticfiles.storage import HashedFilesMixin, ManifestStaticFilesStorage
from django.core.files.base import ContentFile
from django.core.files.storage import InMemoryStorage

STYLESHEET = "css/app.css"
_IMPORT = re.compile(
    r'^@import url\("(?P<path>[^"]+)"\) layer\((?P<layer>[\w-]+)\);$', re.MULTILINE
)

# `import "./x.js";` and `import { a } from "./x.js";`, the two forms that our modules use.
MODULE_IMPORTS = (
    (
        r"""(?m)(?P<matched>^import (?P<names>(?:\{[^}]+\} from )?)"(?P<url>\./[^"]+|\.\./[^"]+)";)""",
        """import %(names)s"%(url)s";""",
    ),
)


class HashedStaticFilesStorage(ManifestStaticFilesStorage):
    """Adds a content hash to each name, so that files are cached for good.

    `collectstatic` also writes app.css with its imports in place: the page asks for one stylesheet
    instead of thirty. Vendored scripts keep every byte; only our own modules have their
    import paths rewritten.
    """

    patterns = (
        *(rule for rule in HashedFilesMixin.patterns if rule[0] == "*.css"),
        ("js/*.js", MODULE_IMPORTS),
    )

    def post_process(
        self,
        paths: dict[str, Any],
        dry_run: bool = False,  # noqa: FBT001, FBT002
        **options: Any,
    ) -> Iterator[Any]:
        if STYLESHEET in paths and not dry_run:
            paths = {**paths, STYLESHEET: (self._assembled(paths), STYLESHEET)}
        yield from super().post_process(paths, dry_run, **options)

    @staticmethod
    def _assembled(paths: dict[str, Any]) -> InMemoryStorage:
        """A storage holding app.css with every layered import replaced by the file's text."""

        def text(name: str) -> str:
            storage, path = paths[name]
            with storage.open(path) as file:
                return str(file.read().decode())

        def inline(match: re.Match[str]) -> str:
            content = text("css/" + match["path"])
            return f"@layer {match['layer']} {{\n{content}}}"

        memory = InMemoryStorage()
        memory.save(STYLESHEET, ContentFile(_IMPORT.sub(inline, text(STYLESHEET)).encode()))
        return memory
