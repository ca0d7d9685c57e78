"""POSTGRES_URL: where to publish besides. It holds a password, so only its address is ever shown."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qs

from dagster_project.errors import ConfigurationError

POSTGRES_URL = "POSTGRES_URL"
# what libpq would read otherwise than meant (an @ or / in a password) could show a part of the password as a host
_FORM = re.compile(r"postgres(?:ql)?://(?:[^@/?\s]*@)?(?P<place>[^@?\s]*)(?:\?(?P<options>[^@\s]*))?")
_BAD_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})|%00")


@dataclass(frozen=True)
class PostgresUrl:
    """A server and a database, with user and password; prints as its address."""

    url: str = field(repr=False)
    address: str

    def __str__(self) -> str:
        return self.address

    def with_defaults(self, **options: str) -> str:
        """The URL with options of libpq that it does not set itself."""
        given = parse_qs(self.url.partition("?")[2], keep_blank_values=True)
        added = "&".join(f"{name}={value}" for name, value in options.items() if name not in given)
        return f"{self.url}{'&' if '?' in self.url else '?'}{added}" if added else self.url


def read_postgres_url(environ: Mapping[str, str], variable: str = POSTGRES_URL) -> PostgresUrl | None:
    """POSTGRES_URL, if it is set. Raises ConfigurationError, which does not repeat it, where it is none."""
    url = environ.get(variable, "").strip()
    if not url:
        return None
    form = _FORM.fullmatch(url)
    if form is None or _BAD_PERCENT.search(url):
        raise ConfigurationError(
            f"{variable} is no address of a PostgreSQL database (it is not shown, for it holds a password). Write "
            "postgresql://user:password@host:5432/database, with every @ : / ? % and space in user and password "
            "percent-encoded (@ is %40)"
        )
    # a socket's folder stands among the options
    host = parse_qs(form["options"] or "").get("host", [""])[0]
    return PostgresUrl(url, f"{host}{form['place']}" or "the local server")
