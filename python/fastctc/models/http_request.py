"""A GET of one URL: redirects followed safely, refusals named, and what may pass told from what won't.

The standard library's client alone; proxies are those of the environment (HTTPS_PROXY, NO_PROXY, ...).
"""

from __future__ import annotations

import email.message
import http.client
import ssl
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any, NoReturn
from urllib.parse import urlsplit

from fastctc.errors import DownloadError

__all__ = ["NoSuchPartError", "Redirects", "Request", "TransientError", "may_carry_token", "open_response", "reason"]

MAX_REDIRECTS = 10
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


@dataclass(frozen=True)
class Request:
    """What to fetch, and what is known of it."""

    url: str
    n_bytes: int | None = None
    sha256: str | None = None
    token: str | None = None
    """Bearer token, sent to the URL's own host only, and never in the clear over a network."""


class TransientError(Exception):
    """Another attempt may succeed."""

    def __init__(self, reason: str, wait_s: float | None = None) -> None:
        super().__init__(reason)
        self.wait_s = wait_s


class NoSuchPartError(TransientError):
    """The server has less than what is here."""


def open_response(request: Request, headers: dict[str, str], timeout_s: float) -> Any:
    """The response, 200 or 206. Raises TransientError, DownloadError."""
    message = urllib.request.Request(request.url, headers=headers)
    redirects = Redirects(request)
    if request.token and may_carry_token(request.url):
        message.add_unredirected_header("Authorization", f"Bearer {request.token}")
    try:
        return urllib.request.build_opener(redirects).open(message, timeout=timeout_s)
    except urllib.error.HTTPError as error:
        error.close()
        _raise_status(request, error)
    except urllib.error.URLError as error:
        if isinstance(error.reason, ssl.SSLCertVerificationError):
            raise DownloadError(
                f"{urlsplit(request.url).hostname} shows no certificate to be trusted ({error.reason.verify_message}). "
                "Behind a proxy of your own, set SSL_CERT_FILE to its certificates."
            ) from error
        raise TransientError(f"no connection to {urlsplit(request.url).hostname} ({reason(error)})") from error
    except (OSError, http.client.HTTPException) as error:
        if isinstance(error, DownloadError):
            raise
        raise TransientError(f"the connection broke ({reason(error)})") from error


def _raise_status(request: Request, error: urllib.error.HTTPError) -> NoReturn:
    status = error.code
    if status == 416:
        raise NoSuchPartError("the server has no such part of the file")
    if status in (408, 425, 429) or status >= 500:
        raise TransientError(f"the server answers {status} {error.reason}", _retry_after_s(error.headers))
    if status in (401, 403):
        advice = (
            "The token in HF_TOKEN has no access."
            if request.token
            else "If it needs an account, set HF_TOKEN to a token."
        )
        raise DownloadError(f"{request.url} can't be downloaded: the server answers {status} {error.reason}. {advice}")
    if status in (404, 410):
        raise DownloadError(f"{request.url} is not there (the server answers {status}). It was moved or removed.")
    raise DownloadError(f"{request.url} can't be downloaded: the server answers {status} {error.reason}.")


class Redirects(urllib.request.HTTPRedirectHandler):
    """Follows to other places, never from https to http, and takes the token along to the same host only."""

    max_redirections = MAX_REDIRECTS

    def __init__(self, request: Request) -> None:
        self._request = request

    def redirect_request(
        self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: http.client.HTTPMessage, newurl: str
    ) -> urllib.request.Request | None:
        """The request that follows; None: none does. Raises DownloadError where it would not be safe."""
        old, new = urlsplit(req.full_url), urlsplit(newurl)
        if new.scheme not in ("http", "https") or (old.scheme == "https" and new.scheme == "http"):
            raise DownloadError(
                f"{self._request.url} leads to {new.scheme}://{new.hostname}, which is not secure. Not followed."
            )
        followed = super().redirect_request(req, fp, code, msg, headers, newurl)
        first = urlsplit(self._request.url)
        same_host = (new.scheme, new.netloc) == (first.scheme, first.netloc)
        if followed is not None and same_host and self._request.token and may_carry_token(newurl):
            followed.add_unredirected_header("Authorization", f"Bearer {self._request.token}")
        return followed


def may_carry_token(url: str) -> bool:
    """Whether nobody on the way can read what is sent to that URL."""
    parts = urlsplit(url)
    return parts.scheme == "https" or parts.hostname in _LOOPBACK


def _retry_after_s(headers: email.message.Message) -> float | None:
    text = headers.get("Retry-After", "")
    return float(text) if text.isascii() and text.isdigit() else None


def reason(error: BaseException) -> str:
    """What an error of the network says, without what it wraps."""
    inner = getattr(error, "reason", None)
    return str(inner if inner is not None else error) or type(error).__name__
