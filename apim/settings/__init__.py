"""Settings: base, then local (make up), test or production on top."""
