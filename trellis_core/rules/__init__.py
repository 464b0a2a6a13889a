"""The billing rules as code: facts and a dated rule book in, a determination out.

Pure: no clock, no database, no amounts of its own. Thresholds, codes, limits and day counts
live in ``parameters/*.toml`` with dates and citations; modules hold only logic.
"""
