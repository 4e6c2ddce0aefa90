"""What a rule can ask of a value: Spectral's core functions, and those of the built-in sets."""

from apim.catalog.rulesets.functions.registry import FUNCTIONS, PUBLIC

__all__ = ["FUNCTIONS", "PUBLIC"]
