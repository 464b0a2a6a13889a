"""Checked value types that every other room uses: money, months, codes, findings, the clock.

They hold no state and import nothing of Trellis but its errors.

Example:
    >>> from trellis_core.values.periods import ServiceMonth
    >>> ServiceMonth.parse("2026-11").last_day.isoformat()
    '2026-11-30'
"""
