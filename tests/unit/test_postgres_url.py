"""POSTGRES_URL: what is taken, what is shown of it, and that a mistake in it is answered without it."""

import pytest

from dagster_project.config.postgres_url import PostgresUrl, read_postgres_url
from dagster_project.errors import ConfigurationError


def read(url: str) -> PostgresUrl | None:
    return read_postgres_url({"POSTGRES_URL": url})


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("postgresql://user:se%40cret@db.example:5432/crm", "db.example:5432/crm"),
        ("postgres://user:secret@db.example/crm?sslmode=verify-full&password=secret", "db.example/crm"),
        ("postgresql://user:secret@[::1]:5432,other:5433/crm", "[::1]:5432,other:5433/crm"),
        ("postgresql://user:secret@/crm?host=/var/run/postgresql", "/var/run/postgresql/crm"),
        ("postgresql://db.example/crm", "db.example/crm"),
        ("postgresql://", "the local server"),
    ],
)
def test_only_its_address_is_shown(url: str, address: str) -> None:
    read_url = read(url)
    assert read_url is not None
    assert str(read_url) == address and f"{read_url!r}".count("secret") == 0


@pytest.mark.parametrize("url", ["", "  "])
def test_nothing_is_nothing(url: str) -> None:
    assert read(url) is None and read_postgres_url({}) is None


@pytest.mark.parametrize(
    "url",
    [
        "mysql://user:secret@host/crm",
        "host=db password=secret",
        "postgresql://user:sec/ret@host/crm",
        "postgresql://user:sec@ret@host/crm",
        "postgresql://user:sec?ret@host/crm",
        "postgresql://user:sec ret@host/crm",
        "postgresql://user:sec%ret@host/crm",
        "postgresql://user:sec%00ret@host/crm",
    ],
)
def test_a_mistake_is_answered_without_what_it_holds(url: str) -> None:
    with pytest.raises(ConfigurationError, match="percent-encoded") as raised:
        read(url)
    assert "sec" not in str(raised.value) and "ret" not in str(raised.value)


def test_options_of_the_user_go_before_ours() -> None:
    given, plain = read("postgresql://host/crm?connect_timeout=3"), read("postgresql://host/crm")
    assert given is not None and plain is not None
    ours = {"application_name": "dealtrail", "connect_timeout": "10"}
    assert given.with_defaults(**ours) == "postgresql://host/crm?connect_timeout=3&application_name=dealtrail"
    assert plain.with_defaults(**ours) == "postgresql://host/crm?application_name=dealtrail&connect_timeout=10"
