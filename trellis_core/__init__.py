"""Trellis captures care-coordination time and turns it into superbills that survive an audit.

Data flows one way: a minute of work enters the append-only ledger; the facts of a patient's
month and the dated rule book go into one pure decision; board, superbill and export only draw
that decision. The package never decides anything in a page, never reads the clock inside a
rule and never changes a ledger entry.
"""

__version__ = "0.1.0"
