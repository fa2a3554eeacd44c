"""`python -m app` is `screenpop`."""

from app.cli import main

main()
