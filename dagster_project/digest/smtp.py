"""The mail server of the configuration: one connection for all mails, opened anew where it was cut."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Mapping
from email.message import EmailMessage
from types import TracebackType

from dagster_project.config.digest import Smtp
from dagster_project.errors import ConfigurationError, DealtrailError, printable

USER, PASSWORD = "DEALTRAIL_SMTP_USER", "DEALTRAIL_SMTP_PASSWORD"
#: The server closes the connection, as many do after so many mails; what it was asked for was not done.
_CLOSING = 421
_SHOWN = 200


class NotTakenError(DealtrailError):
    """A mail that the server did not take; the next one it may. `is_lost`: the connection went, with no answer."""

    def __init__(self, message: str, is_lost: bool = False) -> None:
        super().__init__(message)
        self.is_lost = is_lost


class NoServerError(DealtrailError):
    """A server that takes no mail at all."""


def credentials(smtp: Smtp, environ: Mapping[str, str]) -> tuple[str, str] | None:
    """User and password, if the environment has them. Raises ConfigurationError where they would be shown to others."""
    user, password = environ.get(USER, ""), environ.get(PASSWORD, "")
    if not user and not password:
        return None
    if not user or not password:
        raise ConfigurationError(f"{PASSWORD if user else USER} is not set, but {USER if user else PASSWORD} is")
    if smtp.security == "none" and not smtp.is_here:
        raise ConfigurationError(
            f"digest.smtp.security is none: the password would go to {smtp.host} unencrypted. Use starttls or tls"
        )
    return user, password


class Mailer:
    """Sends mails; a context, so that the connection is closed."""

    def __init__(self, smtp: Smtp, login: tuple[str, str] | None) -> None:
        self._smtp, self._login = smtp, login
        self._client: smtplib.SMTP | None = None

    def __enter__(self) -> Mailer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._close(politely=kind is None)

    def send(self, mail: EmailMessage, to: str) -> None:
        """Hands one mail over. Raises NotTakenError, or NoServerError where the next one would do no better."""
        try:
            if not self._hand_over(mail, to) and not self._hand_over(mail, to):
                raise NotTakenError("it closes every connection", is_lost=True)
        except smtplib.SMTPRecipientsRefused as error:
            raise NotTakenError(self._said(*error.recipients[to])) from None
        except smtplib.SMTPSenderRefused as error:
            self._close()
            raise NoServerError(f"it does not take mails from this sender: {self._said_by(error)}") from None
        except smtplib.SMTPResponseException as error:
            raise NotTakenError(self._said_by(error)) from None
        except (OSError, smtplib.SMTPException) as error:  # cut in the middle; whether it was taken nobody knows
            self._close()
            raise NotTakenError(f"the connection was lost ({_kind(error)})", is_lost=True) from None

    def _hand_over(self, mail: EmailMessage, to: str) -> bool:
        """Whether the server did not close the connection before it did what it was asked for."""
        client = self._connected()
        try:
            client.send_message(mail, self._smtp.sender_parts[1], [to])
        except (smtplib.SMTPRecipientsRefused, smtplib.SMTPResponseException) as error:
            code = error.recipients[to][0] if isinstance(error, smtplib.SMTPRecipientsRefused) else error.smtp_code
            if code != _CLOSING:
                raise
            self._close()
            return False
        return True

    def _connected(self) -> smtplib.SMTP:
        if self._client is not None:
            return self._client
        smtp = self._smtp
        domain = smtp.sender_parts[1].rpartition("@")[2]
        try:
            # the machine's own name is asked of the network, and nobody's business
            if smtp.security == "tls":
                client: smtplib.SMTP = smtplib.SMTP_SSL(
                    smtp.host, smtp.port, domain, timeout=smtp.timeout_seconds, context=ssl.create_default_context()
                )
            else:
                client = smtplib.SMTP(smtp.host, smtp.port, domain, timeout=smtp.timeout_seconds)
            self._client = client
            if smtp.security == "starttls":
                client.starttls(context=ssl.create_default_context())
            if self._login is not None:
                client.login(*self._login)
        except smtplib.SMTPAuthenticationError as error:
            self._close()
            # what the server says may repeat the user
            raise NoServerError(f"it refuses {USER} and {PASSWORD} ({error.smtp_code})") from None
        except smtplib.SMTPResponseException as error:
            self._close()
            raise NoServerError(self._said_by(error)) from None
        except (OSError, smtplib.SMTPException) as error:
            self._close()
            why = str(error) if isinstance(error, smtplib.SMTPNotSupportedError | ssl.SSLError) else _kind(error)
            raise NoServerError(f"no connection: {printable(why)}") from None
        return client

    def _close(self, politely: bool = False) -> None:
        client, self._client = self._client, None
        if client is None:
            return
        try:
            if politely:
                client.quit()
        except (OSError, smtplib.SMTPException):
            pass  # every mail was answered before
        finally:
            client.close()

    def _said_by(self, error: smtplib.SMTPResponseException) -> str:
        return self._said(error.smtp_code, error.smtp_error)

    def _said(self, code: int, text: bytes | str) -> str:
        """A server's answer on one line, without user and password, should it repeat them."""
        said = " ".join((text.decode(errors="replace") if isinstance(text, bytes) else text).split())
        for secret in self._login or ():
            said = said.replace(secret, "…")
        return printable(f"{code} {said[:_SHOWN]}")


def _kind(error: Exception) -> str:
    # smtplib tells of any end of a connection alike, and keeps only the words
    if isinstance(error, TimeoutError) or "timed out" in str(error):
        return "it does not answer in time"
    return error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
