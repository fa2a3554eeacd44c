"""The parts of the `screenpop` command."""
