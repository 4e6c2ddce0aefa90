"""How each language writes dates (Django's FORMAT_MODULE_PATH)."""
