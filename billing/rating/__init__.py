"""The rating engine: usage × prices × time = lines, exactly. No Django, no database, no clock.

Amounts are Decimal in major units and computed without loss; each line is rounded once, half to
even, to the currency's minor unit (`amounts.round_minor`); totals are sums of rounded lines.
"""
