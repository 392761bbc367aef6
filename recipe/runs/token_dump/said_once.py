"""Warnings of what may fail without harm to the training: each is said once, until it works again."""

from __future__ import annotations

import sys

from recipe.text.visible import visible


class SaidOnce:
    """What has been said."""

    def __init__(self):
        self._said: set[str] = set()

    def say(self, what: str, error: Exception) -> None:
        """Print that `what` happened, and why, if that is news."""
        if what not in self._said:
            self._said.add(what)
            cause = str(error).strip().splitlines()
            reason = f"{type(error).__name__}: {cause[0] if cause else ''}".rstrip(": ")
            print(visible(f"warning: {what} ({reason}); training goes on"), file=sys.stderr, flush=True)

    def over(self, what: str) -> None:
        """It works again; the next time is news."""
        self._said.discard(what)
