"""Anonymization of columns: a keyed hash in the place of a value."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from typing import Any

from .attention import warn

__all__ = ["Anonymizer"]


class Anonymizer:
    """Replaces values of some columns by their BLAKE2b under a random key, 128 hexadecimal digits.

    Equal values get equal hashes as long as the same anonymizer is asked, so flows of one file can still be told to have
    the same address. Without the key, which is nowhere kept, not even a small set of values can be tried out.
    """

    def __init__(self, columns: Iterable[str]) -> None:
        if isinstance(columns, str):
            raise TypeError(f"columns_to_anonymize must be a list of names, not the str {columns!r}")
        self.columns = list(columns)
        self.key = secrets.token_bytes(hashlib.blake2b.MAX_KEY_SIZE)
        self.known: dict[str, str] = {}

    def places(self, names: list[str]) -> list[int]:
        """Where the columns stand among these names."""
        return [names.index(column) for column in self.columns if column in names]

    def warn_of_unknown(self, names: Iterable[str]) -> None:
        """Warn of columns that no flow had."""
        known = set(names)
        for column in self.columns:
            if column not in known:
                warn(f"NFlow has no attribute {column}: it is not anonymized")

    def hash(self, value: Any) -> str | None:
        """The hash of a value; None stays what it is."""
        if value is None:
            return None
        text = str(value)
        known = self.known.get(text)
        if known is None:
            digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=64, key=self.key)
            known = digest.hexdigest()
            if len(self.known) < MOST_KNOWN:
                self.known[text] = known
        return known


MOST_KNOWN = 1 << 16
