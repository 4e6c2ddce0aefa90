"""What was uploaded: one file or several, and the documents elsewhere that they refer to."""

from __future__ import annotations

import posixpath
import time
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import unquote, urldefrag, urljoin

from django.utils.translation import gettext as _

from apim.catalog.openapi.load import Loaded, load
from apim.catalog.openapi.problems import InvalidSpecification
from apim.core.errors import DomainError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from apim.catalog.descriptions.description import Fetch

MAX_FETCHED = 20
# Values of the files that stand in more than one place of the document.
MAX_COPIED = 200_000
MAX_FETCHED_BYTES = 10 * 1024 * 1024
# For all of them: somebody waits for the upload's answer.
MAX_FETCH_SECONDS = 20.0


class CannotBeHad(LookupError):
    """A document that another refers to; the message says why."""


@contextmanager
def naming(file: str) -> Iterator[None]:
    """Problems found inside stand in that file."""
    try:
        yield
    except InvalidSpecification as error:
        raise InvalidSpecification(
            replace(p, file=p.file or file) for p in error.problems
        ) from None


class Upload:
    """`root` is the name of the file that describes the API; `files` all of an archive.

    `source_url` is where a single file was fetched from: its relative references lead from there.
    """

    def __init__(
        self,
        root: str,
        raw: bytes,
        files: dict[str, bytes],
        fetch: Fetch | None,
        max_bytes: int,
        source_url: str = "",
    ) -> None:
        self.root = root
        self.raw = raw
        self.files = files
        self.source_url = "" if files else urldefrag(source_url).url
        self.fetched: dict[str, str] = {}
        self._fetch = fetch
        self._max_bytes = max_bytes
        self._loaded: dict[str, Loaded] = {}
        self._values = 0
        self._started = time.monotonic()

    @property
    def is_archive(self) -> bool:
        return bool(self.files)

    def address(self, base: str, ref: str) -> str:
        """File or address that a reference in `base` leads to, without its fragment.

        Raises CannotBeHad for one outside of the archive.
        """
        place = urldefrag(ref).url
        if not place:
            return base
        if base == self.root and self.source_url:
            base = self.source_url
        if "://" in base or "://" in place or place.startswith("//"):
            url = _joined(base, place)
            return self.root if url == self.source_url else url
        name = posixpath.normpath(posixpath.join(posixpath.dirname(base), unquote(place)))
        if name.startswith(("../", "/")) or name == "..":
            raise CannotBeHad(_("It leads out of the upload."))
        return name

    def bytes_of(self, name: str) -> bytes:
        """Content of a file or address. Raises CannotBeHad."""
        if "://" in name or name.startswith("//"):
            return self._fetch_once(name)
        if name not in self.files:
            raise CannotBeHad(_("The upload holds no file “%(name)s”.") % {"name": name[:200]})
        return self.files[name]

    def loaded(self, name: str) -> Loaded:
        """The document in JSON or YAML. Raises CannotBeHad, InvalidSpecification."""
        known = self._loaded.get(name)
        if known is None:
            raw = self.bytes_of(name)
            with naming(name):
                known = load(raw, filename=name, max_bytes=self._max_bytes)
            self._loaded[name] = known
        return known

    def count(self, values: int) -> None:
        """Bound what is copied. Raises CannotBeHad beyond MAX_COPIED."""
        self._values += values
        if self._values > MAX_COPIED:
            raise CannotBeHad(
                _("Copies of the same parts have more than %(max)d values together.")
                % {"max": MAX_COPIED}
            )

    @property
    def may_refer_elsewhere(self) -> bool:
        """Whether a relative reference can lead to another document at all."""
        return self.is_archive or bool(self.source_url)

    def _fetch_once(self, url: str) -> bytes:
        if url in self.fetched:
            return self.fetched[url].encode()
        if self._fetch is None:
            raise CannotBeHad(_("Documents at other addresses are not read."))
        spent = time.monotonic() - self._started
        if len(self.fetched) >= MAX_FETCHED or spent > MAX_FETCH_SECONDS:
            raise CannotBeHad(_("The upload refers to too many documents at other addresses."))
        try:
            raw = self._fetch(url)
            text = raw.decode()
        except DomainError as error:
            raise CannotBeHad(str(error)) from error
        except (KeyError, UnicodeDecodeError) as error:
            raise CannotBeHad(_("What stands there is no text in UTF-8.")) from error
        if sum(map(len, self.fetched.values())) + len(text) > MAX_FETCHED_BYTES:
            raise CannotBeHad(_("The documents at other addresses are too large together."))
        self.fetched[url] = text.replace("\0", "")
        return raw


def _joined(base: str, place: str) -> str:
    """RFC 3986, section 5. Raises CannotBeHad."""
    try:
        return urljoin(base, place) if "://" in base else place
    except ValueError as error:
        raise CannotBeHad(_("This is not an address that can be fetched.")) from error
