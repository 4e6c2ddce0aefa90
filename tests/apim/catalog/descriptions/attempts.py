"""Reading what may be anything."""

from apim.catalog.descriptions import InvalidSpecification, read_description


def reads_or_refuses(raw, filename=None):
    """Whether it was read, or refused with a reason; anything else is raised."""
    try:
        return bool(read_description(raw, filename=filename).style)
    except InvalidSpecification as error:
        return bool(error.problems)
