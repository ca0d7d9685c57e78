"""Data that ends long before the run's moment: read as of now, every open deal in it is overdue."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from dagster_project.wording import counted

#: A CRM in which nothing happened for so long is not in use, or its export is an old one.
LONG_AGO = timedelta(days=60)


def old_data(newest: datetime, moment: datetime, undated_at: str | None = None) -> str | None:
    """What to do about data that ends long before `moment`; None where it does not.

    `undated_at`: where to write when the files were exported, if nothing but their modification times says it.
    """
    if moment - newest < LONG_AGO:
        return None
    until = newest.astimezone(UTC).replace(microsecond=0)
    as_of = f"{until:%Y-%m-%dT%H:%M:%SZ}"
    before = counted((moment - newest).days, "day")
    says = (
        f"newest record {newest:%Y-%m-%d}, {before} before this run's moment; to look at it as of then: AS_OF={as_of}"
    )
    if undated_at is None:
        return says
    return f"{says}, with {extracted_then(as_of, undated_at)}"


def extracted_then(as_of: str, where: str = "the source") -> str:
    """How to say that files were exported by then: their own dates are younger."""
    return (
        f"`extracted_at: {as_of}` in {where} or the files in a folder named {as_of[:10]}, for their modification "
        "times are later"
    )
