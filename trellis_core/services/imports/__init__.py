"""Patients and time from another system's CSV: columns, a look first, the import, taking it back."""
