"""Posts JSON to a webhook, whose address is a secret."""

from __future__ import annotations

from typing import Any

from dagster_project.errors import DealtrailError

_TIMEOUT_SECONDS = 10


class NotPostedError(DealtrailError):
    """A webhook that could not be told: what kind of error it was, without the address that requests writes into it."""


def post(url: str, body: dict[str, Any], is_harmless_twice: bool = True) -> None:
    """Posts it, with three tries; what would be a nuisance twice only where the first was plainly not taken. Raises
    NotPostedError."""
    import requests
    from urllib3.exceptions import HTTPError
    from urllib3.util import Retry

    retry = Retry(
        total=2,
        # who does not answer may have taken it
        read=None if is_harmless_twice else False,
        backoff_factor=1,
        status_forcelist=(429, 502, 503, 504),
        allowed_methods=None,
        # a chat may ask for an hour's patience
        respect_retry_after_header=False,
    )
    try:
        with requests.Session() as session:
            for scheme in ("https://", "http://"):
                session.mount(scheme, requests.adapters.HTTPAdapter(max_retries=retry))
            session.post(url, json=body, timeout=_TIMEOUT_SECONDS).raise_for_status()
    except (requests.RequestException, HTTPError) as error:
        raise NotPostedError(type(error).__name__) from None
