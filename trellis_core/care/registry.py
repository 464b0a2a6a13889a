"""The closed lists of the collaborative-care registry."""

from enum import StrEnum


class RegistryStatus(StrEnum):
    """Where a patient's treatment stands."""

    ACTIVE = "active"
    RELAPSE_PREVENTION = "relapse_prevention"
    INACTIVE = "inactive"


class RegistryFlag(StrEnum):
    """What a registry points out about a patient, in the order in which it needs talking about."""

    SAFETY = "safety"
    DISCUSS = "discuss"
    WORSENING = "worsening"
    NOT_IMPROVED = "not_improved"
    NOT_REVIEWED = "not_reviewed"
    NO_CONTACT = "no_contact"
    SCORE_OLD = "score_old"
    AT_TARGET = "at_target"
