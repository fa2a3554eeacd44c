"""How often Python looks for garbage in cycles."""

from __future__ import annotations

import gc


def spare_the_collector() -> None:
    """Keep full garbage collections, which stop the loop for 100 ms and more, rare and small.

    What is loaded at start lives as long as the process and needs no looking at.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 50, 100)
