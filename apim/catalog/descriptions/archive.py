"""A zip of several files, read without trusting what it says of itself.

Nothing is ever written to disk. Refused: paths that leave the archive, links, encryption, other
compressions than deflate, archives inside, names that some system takes for equal, and more files
or bytes than descriptions have.
"""

from __future__ import annotations

import io
import posixpath
import re
import stat
import struct
import unicodedata
import zipfile
import zlib
from typing import NoReturn

from django.utils.translation import gettext as _

from apim.catalog.openapi.refusals import refuse_at

MAX_FILES = 1000
MAX_TOTAL_BYTES = 20 * 1024 * 1024
# Descriptions compress to a tenth; what shrinks more was made to.
MAX_RATIO = 200
_SMALL_BYTES = 1024 * 1024
_MAX_DIRECTORY_BYTES = 512 * 1024
_MAX_NAME_LENGTH = 300
_END = b"PK\x05\x06"
_ENCRYPTED = 0x1
_ARCHIVE_STARTS = (b"PK\x03\x04", b"\x1f\x8b", b"7z\xbc\xaf", b"Rar!", b"BZh", b"\xfd7zXZ")
_IGNORED = re.compile(r"(?:^|/)(?:__MACOSX/|\.|Thumbs\.db$)")


def is_archive(raw: bytes) -> bool:
    return raw[:4] in (b"PK\x03\x04", _END)


def read_archive(raw: bytes) -> dict[str, bytes]:
    """Its files by name. Raises InvalidSpecification."""
    _check_directory(raw)
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            entries = [one for one in archive.infolist() if not one.is_dir()]
            _check_entries(entries, len(raw))
            entries = [one for one in entries if not _IGNORED.search(one.filename)]
            files = _read(archive, entries)
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        struct.error,
        NotImplementedError,
        ValueError,
    ):
        _refuse(_("The archive is damaged."), _("Make it again."))
    if not files:
        _refuse(_("The archive holds no file."))
    return files


def _refuse(message: str, hint: str = "", file: str = "") -> NoReturn:
    refuse_at(1, 1, message, hint, file)


def _check_directory(raw: bytes) -> None:
    """Before all entries are read: how many there are, from the record at the end."""
    at = raw.rfind(_END, max(0, len(raw) - 66_000))
    if at < 0 or len(raw) < at + 22:
        _refuse(_("The archive is damaged."), _("Make it again."))
    count, size = struct.unpack("<HI", raw[at + 10 : at + 16])
    if count > MAX_FILES or size > _MAX_DIRECTORY_BYTES:
        _refuse(_("The archive has more than %(max)d files.") % {"max": MAX_FILES})


def _check_entries(entries: list[zipfile.ZipInfo], size: int) -> None:
    seen: dict[str, str] = {}
    for one in entries:
        _check_name(one)
        name = unicodedata.normalize("NFKC", one.filename).casefold()
        if name in seen:
            _refuse(
                _("The archive holds “%(name)s” twice, or under names that differ in case only.")
                % {"name": one.filename},
                file=one.filename,
            )
        seen[name] = one.filename
        if stat.S_ISLNK(one.external_attr >> 16):
            _refuse(_("The archive holds a link."), _("Put the file itself in."), one.filename)
        if one.flag_bits & _ENCRYPTED:
            _refuse(_("The archive is encrypted."), _("Make it without a password."))
        if one.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            _refuse(_("The archive is compressed in a way that is not read."), _("Use plain zip."))
    total = sum(one.file_size for one in entries)
    if total > MAX_TOTAL_BYTES:
        _refuse(
            _("The files have more than %(max)d MB together.")
            % {"max": MAX_TOTAL_BYTES // (1024 * 1024)}
        )
    if total > _SMALL_BYTES and total > MAX_RATIO * size:
        _refuse(_("The files are compressed more than descriptions can be."))


def _check_name(one: zipfile.ZipInfo) -> None:
    # What the entry really says: ZipFile cuts at NUL and turns backslashes on some systems.
    name = one.orig_filename
    parts = name.split("/")
    is_bad = (
        name.startswith("/")
        or "\\" in name
        or ".." in parts
        or any(unicodedata.category(c) in {"Cc", "Cf"} for c in name)
        or re.match(r"[A-Za-z]:", name)
        or len(name) > _MAX_NAME_LENGTH
        or posixpath.normpath(name) != name
    )
    if is_bad:
        _refuse(
            _("“%(name)s” is not a name that a file in an upload may have.")
            % {"name": name[:100].encode("unicode_escape").decode()},
            _("Use relative paths with plain names and slashes."),
        )


def _read(archive: zipfile.ZipFile, entries: list[zipfile.ZipInfo]) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    for one in entries:
        with archive.open(one) as stream:
            # Not beyond what it says of itself: all of them together were found small enough.
            content = stream.read(one.file_size + 1)
        if len(content) != one.file_size:
            raise zipfile.BadZipFile
        if content.startswith(_ARCHIVE_STARTS):
            _refuse(
                _("The archive holds another archive."), _("Put the files themselves in."),
                one.filename,
            )  # fmt: skip
        files[one.filename] = content
    return files
