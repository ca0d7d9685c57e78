"""Whom `dealtrail digest` writes to, and how. Passwords and webhooks' addresses come from the environment only."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import Field, field_validator, model_validator

from dagster_project.config.values import Strict

_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?|[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*")
_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]*")
_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_DOMAIN = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*")
_NAMED = re.compile(r"(?P<name>[^<>]*?)\s*<(?P<address>[^<>]*)>")


def mail_address(text: str) -> str | None:
    """One e-mail address as a mail server takes it, its domain in ASCII; None where the text is anything else."""
    local, at, domain = text.strip().removeprefix("mailto:").rpartition("@")
    try:
        domain = domain.encode("idna").decode()
    except UnicodeError:
        return None
    address = f"{local}@{domain}"
    if not at or len(local) > 64 or len(address) > 254:
        return None
    return address if _LOCAL.fullmatch(local) and _DOMAIN.fullmatch(domain) else None


class Smtp(Strict):
    """The mail server. User and password are DEALTRAIL_SMTP_USER and DEALTRAIL_SMTP_PASSWORD of the environment."""

    host: str = Field(description="The server's name, such as smtp.example.com.")
    port: int = Field(587, ge=1, le=65535, description="465 is that of `tls`.")
    security: Literal["starttls", "tls", "none"] = Field(
        "starttls",
        description="none: unencrypted, for a server on this machine; no password is sent elsewhere so.",
    )
    sender: str = Field(description="Whom mails come from: an address, or `Dealtrail <crm@example.com>`.")
    timeout_seconds: float = Field(30, gt=0, le=600, description="How long the server may take for an answer.")

    @field_validator("host")
    @classmethod
    def _is_a_host(cls, host: str) -> str:
        if not _HOST.fullmatch(host):
            # whoever writes a URL here may have written a password into it
            raise ValueError("is no name of a server (it is not shown); write it alone, such as smtp.example.com")
        return host

    @field_validator("sender")
    @classmethod
    def _is_an_address(cls, sender: str) -> str:
        named = _NAMED.fullmatch(sender.strip())
        if mail_address(named["address"] if named else sender) is None or not sender.isprintable():
            raise ValueError(f"'{sender}' is no e-mail address; write one, or `Dealtrail <crm@example.com>`")
        return sender

    @property
    def sender_parts(self) -> tuple[str, str]:
        """Name (may be empty) and address of the sender."""
        named = _NAMED.fullmatch(self.sender.strip())
        name, address = (named["name"].strip('" '), named["address"]) if named else ("", self.sender)
        return name, mail_address(address) or address

    @property
    def is_here(self) -> bool:
        """Whether the server is on this machine."""
        return self.host in ("localhost", "::1") or re.fullmatch(r"127(\.\d+){3}", self.host) is not None


class TeamWebhook(Strict):
    """A team's chat: its owners are told of there, instead of by e-mail."""

    team: str = Field(min_length=1, description="The team, as `dim_owners` has it.")
    url_variable: str = Field(description="The variable of the environment that holds the webhook's address.")

    @field_validator("url_variable")
    @classmethod
    def _names_a_variable(cls, name: str) -> str:
        if not _VARIABLE.fullmatch(name):
            raise ValueError(
                "is no name of a variable (it is not shown: an address is a secret). Put the address into the "
                "environment, and write here the name it has there, such as DEALTRAIL_WEBHOOK_NORTH"
            )
        return name


class OwnerAddress(Strict):
    """The e-mail address of an owner, where the CRM's own list of owners has none or another one."""

    source: str = Field(description="The source whose owner it is.")
    owner: str = Field(min_length=1, description="Id in the CRM, or name.")
    email: str = Field(description="Where their digest goes.")

    @field_validator("email")
    @classmethod
    def _is_an_address(cls, email: str) -> str:
        if mail_address(email) is None:
            raise ValueError(f"'{email}' is no e-mail address")
        return email


class Digest(Strict):
    """How `dealtrail digest` sends each owner what to mend; without `smtp` and `webhooks` it sends nothing."""

    smtp: Smtp | None = Field(None, description="The mail server that takes them.")
    webhooks: list[TeamWebhook] = Field(default_factory=list, description="Chats of teams.")
    addresses: list[OwnerAddress] = Field(
        default_factory=list, description="Of owners whose address the CRM does not say; they go before what it says."
    )

    @model_validator(mode="after")
    def _a_team_has_one_chat(self) -> Digest:
        teams = [one.team for one in self.webhooks]
        for position, team in enumerate(teams):
            if team in teams[:position]:
                raise ValueError(f"webhooks.{position}: team '{team}' has a webhook already")
        return self
