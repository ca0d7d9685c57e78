"""dbt as a command, for what is no night: parsing, documentation, unit tests. Its garbage is seldom collected."""

import gc

#: Python looks for garbage whenever this many objects were made, and through all of them a thousand times less often.
_OBJECTS = 200_000


def collect_seldom() -> None:
    """Spares a process of seconds the looking through a parsed project again and again: a fifth of dbt's CPU time."""
    gc.set_threshold(_OBJECTS, 20, 50)


def main() -> None:
    """The command `dbt`."""
    collect_seldom()
    from dbt.cli.main import cli

    cli()
