"""Identifiers of the organisations of the demonstration: well formed, and of nobody.

SIREN numbers start with 99, which the register does not give out; the bank code 99999 is no bank's.
"""

from stdnum import luhn

BANK = "9999900001"
FRANCE_AND_CHECK = "152700"  # "FR00" with F = 15 and R = 27
IBAN_MODULUS = 97


def siret(number: int) -> str:
    """A valid SIRET, another one for each number below 100,000."""
    siren = f"99{number:06d}"
    siren += luhn.calc_check_digit(siren)
    establishment = f"{siren}0001"
    return establishment + luhn.calc_check_digit(establishment)


def iban(number: int) -> str:
    """A valid French IBAN, another one for each number."""
    account = f"{BANK}{number:011d}"
    key = 97 - (89 * int(account[:5]) + 15 * int(account[5:10]) + 3 * int(account[10:])) % IBAN_MODULUS
    body = f"{account}{key:02d}"
    check = 98 - int(body + FRANCE_AND_CHECK) % IBAN_MODULUS
    return f"FR{check:02d}{body}"
