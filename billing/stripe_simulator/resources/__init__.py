"""One module per kind of object; `registry` imports them all."""
