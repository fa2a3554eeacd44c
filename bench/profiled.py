"""`screenpop` under cProfile: from SIGUSR1 to SIGUSR2, then the profile is in a file.

python -m bench.profiled FILE serve --port 8000
"""

from __future__ import annotations

import cProfile
import signal
import sys
from types import FrameType


def main() -> None:
    """Run the command line with the profile's switches."""
    file = sys.argv.pop(1)
    profile = cProfile.Profile()

    def begin(_signal: int, _frame: FrameType | None) -> None:
        profile.enable()

    def end(_signal: int, _frame: FrameType | None) -> None:
        profile.disable()
        profile.dump_stats(file)

    signal.signal(signal.SIGUSR1, begin)
    signal.signal(signal.SIGUSR2, end)
    from app.cli import main as screenpop

    screenpop()


if __name__ == "__main__":
    main()
