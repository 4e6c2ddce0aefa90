"""Dates in German: 28. Nov. 2026, as pages write them, wherever Django formats one by itself."""

DATE_FORMAT = "j. N Y"
DATETIME_FORMAT = "j. N Y, H:i"
TIME_FORMAT = "H:i"
