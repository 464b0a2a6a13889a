"""Who is cared for, by whom, and what is on record: the practice's facts as frozen values.

The same values serve the chart, the case file and the rules. Nothing here knows a database,
and nothing here decides what may be billed.
"""
