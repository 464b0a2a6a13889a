"""Names that nobody has, and addresses where nobody lives."""

from random import Random
from typing import Final

from trellis_core.synthetic.dealing import within

_GIVEN: Final = (
    "Alder", "Briony", "Cassia", "Dorrit", "Elowen", "Faye", "Gareth", "Hollis", "Isadora", "Jory",
    "Kestrel", "Linnea", "Merrick", "Nerys", "Orrin", "Petra", "Quill", "Rowan", "Sorrel", "Tansy",
    "Ulric", "Verity", "Wystan", "Xanthe", "Yarrow", "Zephyr", "Bramble", "Clover", "Damson", "Fennel",
)  # fmt: skip
_FAMILY: Final = (
    "Appletree", "Barleycorn", "Copperfern", "Dovecote", "Elderbank", "Fernhollow", "Goldenrod",
    "Hawthornby", "Ivywell", "Juniperson", "Kindlewood", "Lavenderby", "Mossgrove", "Nutkin",
    "Oakapple", "Pondwater", "Quarrystone", "Rushbrook", "Sedgewater", "Thornapple", "Umberfield",
    "Violetmead", "Willowherb", "Yewbarrow", "Zinniaway", "Bogmyrtle", "Cloudberry", "Dandelyon",
    "Eyebright", "Foxgloveley",
)  # fmt: skip
_STREETS: Final = (
    "Clover Court", "Old Orchard Road", "Millrace Street", "Foxglove Way", "Damson Drive",
    "Heron Hill", "Quince Close", "Larkspur Lane",
)  # fmt: skip
TOWNS: Final = (
    "Juniper Falls", "Larch Valley", "Heron Lake", "Mossbridge", "Fernway", "Quince Corner",
)  # fmt: skip
STATE: Final = "NY"
POSTAL_CODE: Final = "00000"
LANGUAGES: Final = (("English", 17), ("Spanish", 2), ("Vietnamese", 1))


def given_name(chance: Random) -> str:
    """Return a given name."""
    return _GIVEN[within(0, len(_GIVEN) - 1, chance)]


def family_name(chance: Random, *, is_double: bool = True) -> str:
    """Return a family name, of two as a rule: so large a practice has few of one name."""
    first, second = (within(0, len(_FAMILY) - 1, chance) for _ in range(2))
    return (
        _FAMILY[first]
        if first == second or not is_double
        else f"{_FAMILY[first]}-{_FAMILY[second]}"
    )


def address_line(chance: Random) -> str:
    """Return a house in a street."""
    return f"{within(1, 98, chance)} {_STREETS[within(0, len(_STREETS) - 1, chance)]}"


def phone(number: int) -> str:
    """Return one of the numbers that are kept for fiction."""
    return f"518-555-{100 + number % 100:04d}"


def npi_number(number: int) -> str:
    """Return an NPI of the right form: the last digit checks the others."""
    nine = f"{100_000_000 + number:09d}"
    digits = [int(sign) for sign in f"80840{nine}"]
    doubled = sum(sum(divmod(2 * each, 10)) for each in digits[::-2])
    return f"{nine}{-(doubled + sum(digits[-2::-2])) % 10}"


_LETTERS: Final = "ACDEFGHJKMNPQRTUVWXY"


def medicare_number(number: int) -> str:
    """Return a member id of Medicare's form, another one for each number below four million."""
    letters, number = [], number * 7_919 % 4_000_000
    for _ in range(5):
        number, place = divmod(number, len(_LETTERS))
        letters.append(_LETTERS[place])
    first, second, third, fourth, fifth = letters
    return f"1{first}{second}4{third}{fourth}7{fifth}K{number:02d}"
