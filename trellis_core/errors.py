"""Every exception Trellis raises, in one tree.

Exceptions are for wrong calls, broken files and refused commands. A rule's answer is a
``Check``; something odd in a practice's data is a ``Finding``.

::

    TrellisError
    ├── InvalidValueError (ValueError)   InvalidNpiError · InvalidHcpcsError · InvalidIcd10Error · InvalidPeriodError
    ├── InputRefusedError                a document that cannot be read: code, path, message
    ├── RuleBookError                    RuleBookFormatError · UnknownParameterError · ParameterNotInForceError · UnknownSourceError
    ├── FeeError                         UnknownLocalityError · NotPricedError
    ├── AccessError                      NotSignedInError · PermissionDeniedError · NotFoundError · SignInRefusedError · ChartRestrictedError
    ├── LedgerError                      EntryNotFoundError · EntryAlreadyReversedError · DuplicateCommandError · MonthClosedError
    ├── CommandRefusedError              a command whose facts contradict what is stored: MonthNotClosableError
    ├── StoreError                       SchemaVersionError · UnsafeStoreError
    ├── CheckpointError                  SigningKeyError · CheckpointFileError
    └── DocumentError                    SuperbillNotIssuableError · FhirExportError

A message says what happened, to which id, why it matters and what to do. It never holds a
name, a birth date, an MRN or note text.
"""

from collections.abc import Sequence
from datetime import date


class TrellisError(Exception):
    """Base of every error that Trellis raises on purpose."""


class InvalidValueError(TrellisError, ValueError):
    """A value that its type does not allow."""


class InvalidNpiError(InvalidValueError):
    """An NPI that is not ten digits with a valid check digit."""

    def __init__(self, value: str) -> None:
        self.value = value
        super().__init__(
            f"'{value}' is not an NPI: ten digits that start with 1 or 2 and pass the check digit "
            "are needed. Copy it from the NPPES registry."
        )


class InvalidHcpcsError(InvalidValueError):
    """A procedure code that is not five characters of HCPCS form."""

    def __init__(self, value: str) -> None:
        self.value = value
        super().__init__(
            f"'{value}' is not a HCPCS code: five digits, or a letter and four digits, are needed, "
            "for example 99490 or G0556."
        )


class InvalidIcd10Error(InvalidValueError):
    """A diagnosis code that is not of ICD-10-CM form."""

    def __init__(self, value: str) -> None:
        self.value = value
        super().__init__(
            f"'{value}' is not an ICD-10-CM code: a letter, a digit, a letter or digit, then a dot "
            "and up to four more, for example E11.9."
        )


class InvalidPeriodError(InvalidValueError):
    """A month, day or instant that is malformed or impossible."""


class InputRefusedError(TrellisError):
    """A document that was refused as a whole; nothing in it was used.

    Attributes:
        code: One of the closed list of input codes, for example ``UNKNOWN_KEY``.
        path: Where in the document, for example ``staff[2].credential``; empty for the whole.
        message: What is wrong and what to do.
    """

    def __init__(self, code: str, path: str, message: str) -> None:
        self.code = code
        self.path = path
        self.message = message
        super().__init__(f"{code} at {path or 'the document'}: {message}")


class RuleBookError(TrellisError):
    """The rule book, or a question put to it, is wrong."""


class RuleBookFormatError(RuleBookError):
    """Rule files that do not load; all their problems at once.

    Attributes:
        problems: One sentence each, with file, path and remedy.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        listed = "\n".join(f"- {problem}" for problem in self.problems)
        super().__init__(f"The rule book has {len(self.problems)} problem(s):\n{listed}")


class UnknownParameterError(RuleBookError):
    """A parameter path that no file defines."""

    def __init__(self, path: str, nearest: str | None) -> None:
        self.path = path
        self.nearest = nearest
        hint = f" Did you mean '{nearest}'?" if nearest else ""
        super().__init__(f"The rule book has no parameter '{path}'.{hint}")


class ParameterNotInForceError(RuleBookError):
    """A parameter asked for on a day it has no value."""

    def __init__(self, path: str, on: date, first: date | None, ended: date | None = None) -> None:
        self.path = path
        self.on = on
        self.first = first
        self.ended = ended
        when = (
            f"it ended on {ended.isoformat()}"
            if ended is not None
            else f"the first is from {first.isoformat()}"
            if first is not None
            else "it has no dated value at all"
        )
        super().__init__(
            f"Parameter '{path}' has no value in force on {on.isoformat()}; {when}. "
            "Pass the date of service, not today's date."
        )


class UnknownSourceError(RuleBookError):
    """A citation of a document that ``sources.toml`` does not list."""

    def __init__(self, source_id: str) -> None:
        self.source_id = source_id
        super().__init__(f"No source '{source_id}' in sources.toml. Add the document there first.")


class FeeError(TrellisError):
    """An amount cannot be given."""


class UnknownLocalityError(FeeError):
    """A Medicare locality that the year's table does not list."""

    def __init__(self, state: str, locality: str, year: int) -> None:
        self.state = state
        self.locality = locality
        self.year = year
        super().__init__(
            f"No Medicare locality {state} {locality} in the {year} table. "
            "Look the practice's county up under Settings, or leave the locality out for national amounts."
        )


class NotPricedError(FeeError):
    """No amount is on file for a code on a date.

    Attributes:
        hcpcs: The code.
        on: The date of service.
    """

    def __init__(self, hcpcs: str, on: date, why: str) -> None:
        self.hcpcs = hcpcs
        self.on = on
        super().__init__(f"{hcpcs} has no amount on {on.isoformat()}: {why}")


class AccessError(TrellisError):
    """The actor may not see or do this."""


class NotSignedInError(AccessError):
    """Nobody is signed in."""

    def __init__(self) -> None:
        super().__init__("Nobody is signed in. Sign in and try again.")


class SignInRefusedError(AccessError):
    """A sign-in that failed; the same sentence whatever the reason."""

    def __init__(self) -> None:
        super().__init__("That name and password do not match an active person. Try again.")


class PermissionDeniedError(AccessError):
    """The actor's role does not allow the operation."""

    def __init__(self, operation: str, role: str) -> None:
        self.operation = operation
        self.role = role
        super().__init__(
            f"The role '{role}' may not do this ({operation}). Ask the practice's owner."
        )


class ChartRestrictedError(AccessError):
    """A chart that is not the actor's to open without a reason."""

    def __init__(self, patient_id: str) -> None:
        self.patient_id = patient_id
        super().__init__(
            f"The chart of patient '{patient_id}' is restricted. Ask the practice's owner, "
            "or open it with a reason for an hour; the owner is told."
        )


class NotFoundError(AccessError):
    """An id that does not exist in the actor's practice."""

    def __init__(self, kind: str, identifier: str) -> None:
        self.kind = kind
        self.identifier = identifier
        super().__init__(f"No {kind} '{identifier}' in this practice.")


class CommandRefusedError(TrellisError):
    """A command that contradicts what is stored, or itself.

    Attributes:
        code: Short machine name, for example ``TIMER_RUNNING``.
    """

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)


class MonthNotClosableError(CommandRefusedError):
    """A month that cannot be closed, or reopened, as things stand. Nothing was changed."""


class LedgerError(TrellisError):
    """The time ledger refused something."""


class EntryNotFoundError(LedgerError, NotFoundError):
    """No such entry in the actor's practice."""

    def __init__(self, entry_id: str) -> None:
        self.entry_id = entry_id
        NotFoundError.__init__(self, "time entry", entry_id)


class EntryAlreadyReversedError(LedgerError):
    """An entry can be reversed once only."""

    def __init__(self, entry_id: str) -> None:
        self.entry_id = entry_id
        super().__init__(
            f"Time entry '{entry_id}' was already corrected or voided. Correct the entry that replaced it."
        )


class DuplicateCommandError(LedgerError):
    """One form id with two different contents."""

    def __init__(self, entry_id: str) -> None:
        self.entry_id = entry_id
        super().__init__(
            f"The form '{entry_id}' was already saved with other contents. Reload the page and enter the change as a correction."
        )


class MonthClosedError(LedgerError):
    """Time for a month that is closed.

    Attributes:
        month: The month, as ``YYYY-MM``.
    """

    def __init__(self, month: str, *, name: str, since: str | None, lost: str) -> None:
        """Say that nothing was saved.

        Args:
            month: The month, as ``YYYY-MM``.
            name: The month in words.
            since: When it was closed, in words; None where it was just now.
            lost: What did not happen, as the end of a sentence.
        """
        self.month = month
        when = f"is closed since {since}" if since else "was closed just now"
        super().__init__(
            f"{name} {when}; {lost}. Reopen the month for an adjustment or ask your biller."
        )


class StoreError(TrellisError):
    """The store cannot be used."""


class SchemaVersionError(StoreError):
    """The store's schema is not the one this version reads."""

    def __init__(self, found: str | None, wanted: str) -> None:
        self.found = found
        self.wanted = wanted
        super().__init__(
            f"The store has schema '{found}', this version of Trellis needs '{wanted}'. "
            "Start the newest Trellis on it once, or restore the backup that belongs to this version."
        )


class UnsafeStoreError(StoreError):
    """The store would not keep its promises as it is configured."""


class CheckpointError(TrellisError):
    """A checkpoint cannot be signed or kept; the ledger itself is not affected."""


class SigningKeyError(CheckpointError):
    """The key that signs checkpoints cannot be used."""


class CheckpointFileError(CheckpointError):
    """The file of checkpoints cannot be read or written, or does not fit the store."""


class DocumentError(TrellisError):
    """A document cannot be made."""


class SuperbillNotIssuableError(DocumentError):
    """A superbill lacks something that it must have.

    Attributes:
        missing: Each missing thing in words.
    """

    def __init__(self, missing: Sequence[str]) -> None:
        self.missing = tuple(missing)
        super().__init__(f"The superbill cannot be issued: {'; '.join(self.missing)}.")


class FhirExportError(DocumentError):
    """A FHIR resource did not validate."""
