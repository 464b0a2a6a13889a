"""What Trellis costs, measured: each figure beside the floor that was measured in the same run.

A benchmark measures; it never fails. ``python -m benchmarks`` runs them all and prints Markdown;
``python -m benchmarks.determination`` runs one.
"""
