"""The one way the runtime says that it cannot go on."""


class RuntimeProblem(Exception):
    """One line for the console: what is wrong, and what to do about it."""
