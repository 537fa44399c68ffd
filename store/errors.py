"""What the ledger says when a rule forbids something."""


class Refused(Exception):
    """A rule says no.

    `code` is stable (kebab-case) and chosen from the sentences an edge can say in Japanese; `values` fill that
    sentence (plain strings only, never a resident's address).
    """

    def __init__(self, code: str, **values: str) -> None:
        super().__init__(code)
        self.code = code
        self.values = values

    def __str__(self) -> str:
        said = ", ".join(f"{key}={value}" for key, value in self.values.items())
        return f"{self.code} ({said})" if said else self.code


class WrongLedger(Refused):
    """The database is not the ledger this program was started for (realm, version, or no ledger at all)."""
