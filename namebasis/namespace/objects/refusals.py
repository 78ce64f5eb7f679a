"""What object storage refuses, in one line that names the address and the remedy."""

from __future__ import annotations

import re

from namebasis.errors import NamebasisError, ReplacedError, SpaceError

_CREDENTIALS = {
    "s3": "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_REGION, or a role",
    "gs": "GOOGLE_APPLICATION_CREDENTIALS or GOOGLE_SERVICE_ACCOUNT",
    "az": "AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY, or an identity",
}
_REASONS = (
    (r"NoSuchBucket|ContainerNotFound|bucket does not exist", "there is no such bucket"),
    (
        r"AWS credentials|169\.254\.169\.254|token request|no storage account|CredentialsNotLoaded",
        "no credentials are found. Set them where they usually are ({credentials})",
    ),
    (r"resolve region", "its region is not found. Check the bucket's name, or set AWS_REGION"),
    (
        r"AccessDenied|InvalidAccessKeyId|SignatureDoesNotMatch|ExpiredToken|: 40[13]\b",
        "access is denied. Check the rights of the credentials ({credentials})",
    ),
    (
        r"error sending request|HTTP error|[Tt]imed? ?out|reset by peer|[Cc]onnection|: 50[0-9]\b",
        "cannot be reached. What was committed is whole; try again",
    ),
)
_TELLING = re.compile(r"https?://\S+|\?\S*")
"""Requests, which may carry a signature."""


def is_missing(message: str) -> bool:
    """Whether an engine's message says that there is no data set."""
    return "was not found" in message or re.search(r"Not found: \S*_versions", message) is not None


def is_conflict(error: BaseException) -> bool:
    """Whether another writer's commit came first."""
    told = "ommit conflict", "ncompatible transaction", "Dataset already exists"
    return type(error).__name__ == "CommitConflictError" or any(one in str(error) for one in told)


def refusal(error: BaseException, url: str) -> NamebasisError:
    """Put what the engine raised over a data set in object storage in one line.

    Parameters
    ----------
    error : BaseException
    url : str
        Of the space.

    Returns
    -------
    SpaceError or ReplacedError
        The second where another writer was first, or dropped what was opened. Neither holds an
        engine's own request, which may be signed.
    """
    message = str(error)
    if is_conflict(error):
        return ReplacedError(
            f"{url}: another process wrote to it at the same time and was first, so this write "
            "stopped. Run the same command again; in Python, open the space again first."
        )
    scheme = url.partition(":")[0]
    for pattern, reason in _REASONS:
        if re.search(pattern, message):
            return SpaceError(f"{url}: {reason.format(credentials=_CREDENTIALS[scheme])}.")
    if re.search(r"[Nn]ot ?[Ff]ound|NoSuchKey|\b404\b", message):
        return ReplacedError(
            f"{url}: files of the version that was opened are gone. Open it again; if that does "
            "not help, the data set is damaged."
        )
    first = _TELLING.sub("…", message.partition(", /")[0])
    return SpaceError(f"{url}: the storage or the data set refuses ({' '.join(first.split())}).")
