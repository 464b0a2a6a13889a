"""Runs every benchmark and prints one Markdown report: ``python -m benchmarks``."""

from benchmarks import determination, ledger

print(determination.run(cases=10_000, rounds=5))
print()
print(ledger.run(ledger.Extent()))
