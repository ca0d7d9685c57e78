"""The secret that personal data are hashed with; it comes from the environment only."""

from __future__ import annotations

from collections.abc import Mapping

from dagster_project.config.models import Configuration
from dagster_project.errors import ConfigurationError

SALT = "DEALTRAIL_SALT"


def check_salt(config: Configuration, environ: Mapping[str, str]) -> None:
    """Raises ConfigurationError where a column is to be hashed and the environment has no salt."""
    if environ.get(SALT):
        return
    for source in config.sources:
        for name, feed in source.feeds.items():
            for column, privacy in feed.personal_data.items():
                if privacy == "hash":
                    raise ConfigurationError(
                        f"{SALT} is not set, but personal_data of feed '{name}' of source '{source.name}' says to hash "
                        f"'{column}'. Set it to a long random text, keep it secret and never change it: "
                        "hashes made with another one match nothing"
                    )
