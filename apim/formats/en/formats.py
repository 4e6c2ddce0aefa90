"""Dates in English: 28 Nov 2026, as pages write them, wherever Django formats one by itself."""

DATE_FORMAT = "j M Y"
DATETIME_FORMAT = "j M Y, H:i"
TIME_FORMAT = "H:i"
