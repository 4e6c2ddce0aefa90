"""The authorizer on a host whose clock is wrong by CLOCK_OFFSET_SECONDS."""

import os
import time

_right = time.time
_offset = float(os.environ["CLOCK_OFFSET_SECONDS"])
time.time = lambda: _right() + _offset

from apim.gateway.authorizer import app  # noqa: E402  after the clock was set

__all__ = ["app"]
