"""An object store as a place for files, through obstore: Amazon's S3 and what speaks like it, Google's and Azure's.

A file is one put with its length, or the parts of one that is seen when the last call completes it. Answers of 500 and
above, throttling, and connections that break are tried again by obstore, with growing pauses.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import obstore
from obstore import exceptions
from obstore.store import AzureStore, GCSStore, S3Store

from glan.errors import StorageError
from glan.storage.stores import Address, Found, Mark, Watch, unwatched

_STORES: Final[Mapping[str, Any]] = {"s3": S3Store, "gs": GCSStore, "az": AzureStore}
_WHOLE: Final = 16 * 1024 * 1024
"""Up to so many bytes a file is one put; a longer one goes in parts."""
_PART: Final = 8 * 1024 * 1024
_MOST_PARTS: Final = 9_000
"""S3 takes 10,000 of one file."""
_RETRY: Final = {
    "max_retries": 8,
    "backoff": {"init_backoff": timedelta(seconds=0.2), "max_backoff": timedelta(seconds=10), "base": 2},
    "retry_timeout": timedelta(seconds=60),
}
_LIMITS: Final = {"connect_timeout": timedelta(seconds=10), "timeout": timedelta(minutes=5)}
_CODE: Final = re.compile(r"<Code>(\w{1,60})</Code>")
_STATUS: Final = re.compile(r"status code: (\d{3})")


class Bucket:
    """A prefix in a bucket."""

    def __init__(self, address: Address, settings: Mapping[str, str], *, http: bool, ca: bytes | None = None) -> None:
        """Name a bucket; nothing is sent yet. `settings` has the keys, and `http` says whether TLS may be left out.

        Raises:
            StorageError: the settings are not enough, or not such settings.

        """
        self._address = address
        options = {**_LIMITS, "allow_http": http, **({"root_certificate": ca} if ca is not None else {})}
        with self._told("cannot be used"):
            self._store = _STORES[address.scheme](
                address.bucket,
                prefix=address.path or None,
                config=dict(settings),
                client_options=options,
                retry_config=_RETRY,
            )

    @property
    def url(self) -> str:
        return self._address.url

    async def read(self, name: str) -> Found | None:
        with self._told(f"does not give {name}"):
            try:
                found = await obstore.get_async(self._store, name)
            except FileNotFoundError as error:
                self._refuse_absent_bucket(error)
                return None
            return Found(data=bytes(await found.bytes_async()), mark=_mark(found.meta))

    async def has(self, name: str) -> bool:
        with self._told(f"does not tell of {name}"):
            try:
                await obstore.get_async(self._store, name)  # a HEAD has no body that says why; this one's is not read
            except FileNotFoundError as error:
                self._refuse_absent_bucket(error)
                return False
            return True

    async def fetch(self, name: str, path: Path, watch: Watch = unwatched) -> bool:
        with self._told(f"does not give {name}"):
            try:
                found = await obstore.get_async(self._store, name)
            except FileNotFoundError as error:
                self._refuse_absent_bucket(error)
                return False
            with path.open("xb") as file:
                async for chunk in found.stream():
                    await asyncio.to_thread(file.write, chunk)
                    watch(len(chunk))
            return True

    async def put(self, name: str, source: Path | bytes, watch: Watch = unwatched) -> None:
        size = len(source) if isinstance(source, bytes) else (await asyncio.to_thread(source.stat)).st_size
        with self._told(f"does not take {name}"):
            if size > _WHOLE:
                part = max(_PART, size // _MOST_PARTS)
                await obstore.put_async(
                    self._store, name, _parts(source, part, watch), chunk_size=part, max_concurrency=4
                )
                return
            data = source if isinstance(source, bytes) else await asyncio.to_thread(source.read_bytes)
            await obstore.put_async(self._store, name, data, use_multipart=False)
            watch(size)

    async def put_new(self, name: str, data: bytes) -> bool:
        with self._told(f"does not take {name}"):
            try:
                await obstore.put_async(self._store, name, data, mode="create", use_multipart=False)
            except FileExistsError:
                return False
            except (exceptions.AlreadyExistsError, exceptions.PreconditionError):
                return False
            return True

    async def swap(self, name: str, data: bytes, mark: Mark) -> bool:
        with self._told(f"does not take {name}"):
            try:
                await obstore.put_async(self._store, name, data, mode=dict(mark), use_multipart=False)
            except exceptions.PreconditionError:
                return False
            return True

    async def copy(self, name: str, to: str) -> bool:
        with self._told(f"does not copy {name}"):
            try:
                await obstore.copy_async(self._store, name, to)
            except FileNotFoundError as error:
                self._refuse_absent_bucket(error)
                return False
            return True

    async def sizes(self, folder: str) -> Mapping[str, int]:
        found: dict[str, int] = {}
        with self._told("does not list its files"):
            async for page in obstore.list(self._store, folder or None):
                found |= {one["path"]: one["size"] for one in page}
        return found

    async def folders(self) -> Collection[str]:
        with self._told("does not list its files"):
            found = await obstore.list_with_delimiter_async(self._store)
            return [path.rstrip("/") for path in found["common_prefixes"]]

    async def remove(self, names: Collection[str]) -> None:
        with self._told("does not remove files"):
            for name in names:  # one by one: not every store that speaks like S3 knows how to remove many
                try:
                    await obstore.delete_async(self._store, name)
                except FileNotFoundError as error:
                    self._refuse_absent_bucket(error)

    def _refuse_absent_bucket(self, error: FileNotFoundError) -> None:
        """Tell a file that is not there from a bucket that is not there, and from a server that is no store."""
        code = _code_in(str(error))
        if code in {"NoSuchBucket", "ContainerNotFound"} or "bucket does not exist" in str(error):
            raise StorageError(
                f"There is no bucket {self._address.bucket!r} there for this key.",
                hint="Make it, or see to its name, the region and the endpoint.",
            ) from error
        if "<html" in str(error).lower():
            raise StorageError(f"What answers for {self.url} is no object store.", hint=_ENDPOINT) from error

    @contextmanager
    def _told(self, what: str) -> Iterator[None]:
        """Turn what obstore raises into one sentence, in which no header and no body of an answer stands."""
        try:
            yield
        except (exceptions.BaseError, FileNotFoundError, PermissionError, ValueError) as error:
            raise self._explained(error, what) from None

    def _explained(self, error: Exception, what: str) -> StorageError:
        text = str(error)
        if isinstance(error, FileNotFoundError):
            self._refuse_absent_bucket(error)
        status = _STATUS.search(text)
        known = [(message, hint) for sign, message, hint in _MEANINGS if re.search(sign, text)]
        if known:
            message, hint = known[0]
            return StorageError(f"{self.url} {what}: {message}.", hint=hint)
        answer = " ".join(filter(None, [status[1] if status else "", _code_in(text)])) or type(error).__name__
        return StorageError(f"{self.url} {what}: {answer}.", hint="`glan push --check URL` says what it can do.")


_ENDPOINT: Final = "See to AWS_ENDPOINT_URL, which begins with https:// or http:// and names the store alone."
_KEYS: Final = (
    "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (s3), GOOGLE_SERVICE_ACCOUNT_KEY (gs), or "
    "AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY (az), in the environment or the project's .env."
)
_MEANINGS: Final[tuple[tuple[str, str, str], ...]] = (
    (r"NoSuchBucket|ContainerNotFound", "the bucket is not there", "Make it, or see to its name and the region."),
    (
        r"169\.254\.|metadata\.google|must be specified|Missing ?\w*(AccessKey|Credential)|NoCredentials",
        "there is no key for it",
        _KEYS,
    ),
    (
        r"PermanentRedirect|AuthorizationHeaderMalformed|IllegalLocationConstraint|status code: 301|wrong region",
        "the bucket is in another region",
        "Set AWS_REGION to the bucket's region.",
    ),
    (r"RequestTimeTooSkewed", "the clock of this machine is wrong", "Set the clock."),
    (
        r"InvalidAccessKeyId|SignatureDoesNotMatch|ExpiredToken|InvalidToken|AuthenticationFailed|status code: 401",
        "it does not know the key, or no longer",
        _KEYS,
    ),
    (
        r"AccessDenied|AuthorizationFailure|status code: 403",
        "the key may not do that",
        "It needs to list, read, write and delete below the prefix.",
    ),
    (
        r"NotImplemented|not supported|status code: 501",
        "it does not know how to do that",
        "`glan push --check URL` says what it can do; glan needs puts on a condition (If-None-Match and If-Match).",
    ),
    (r"dns error|failed to lookup", "its host has no address", _ENDPOINT),
    (r"ConnectionRefused|kind: Connect", "nothing answers there", _ENDPOINT),
    (r"status code: (503|429)|SlowDown", "it is too busy, also after several tries", "Try again later."),
    (r"status code: 5\d\d", "it fails by itself, also after several tries", "Try again later."),
    (r"HTTP error|kind: (Request|Timeout|Interrupted)", "the connection broke, also after several tries", "Try again."),
    (
        r"status code: [23]\d\d|XmlDe|InvalidListResponse|InvalidPutResponse|MissingEtag",
        "its answer is no store's",
        _ENDPOINT,
    ),
)
"""Signs of what is wrong, the first that fits; an error has the whole answer in its text."""


def _mark(meta: Mapping[str, Any]) -> Mark:
    return {name: meta[name] for name in ("e_tag", "version") if meta.get(name) is not None}


def _code_in(text: str) -> str:
    found = _CODE.search(text)
    return found[1] if found else ""


async def _parts(source: Path | bytes, size: int, watch: Watch) -> AsyncIterator[bytes]:
    if isinstance(source, bytes):
        for begin in range(0, len(source), size):
            yield source[begin : begin + size]
            watch(min(size, len(source) - begin))
        return
    with source.open("rb") as file:
        while chunk := await asyncio.to_thread(file.read, size):
            yield chunk
            watch(len(chunk))
