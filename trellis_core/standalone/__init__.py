"""Files that leave with an export and run without Trellis."""
