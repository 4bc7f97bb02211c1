"""The hub, through its own library: who we are, what stands there, and one commit.

Everything goes through one HTTP client, which sends nothing to a host that `[network] allow` does not name, and the
token to the hub alone. The library's other way of uploading, Xet, opens connections of its own, so it is not taken.
"""

import logging
import re
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

from huggingface_hub import (
    CommitOperationAdd,
    CommitOperationDelete,
    HfApi,
    constants,
    errors,
    get_session,
    get_token,
    set_client_factory,
)
from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled, RepositoryNotFoundError, RevisionNotFoundError
from huggingface_hub.hf_api import RepoFile
from huggingface_hub.utils.tqdm import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars

import glan
from glan.errors import GlanError, HubError
from glan.push.account import Account
from glan.push.repositories import Commit, Owner, Repository, Standing, Upload
from glan.settings import Network
from glan.teachers.network import is_allowed

KIND: Final = "dataset"
_TIMEOUT_S: Final = 300.0
"""Seconds without a byte after which a connection is given up."""
_PATHS_AT_ONCE: Final = 100
_UPLOADS_AT_ONCE: Final = 4
_HTTP_ERROR: Final[type[Exception]] = next(
    base for base in HfHubHTTPError.__mro__ if base.__name__ == "HTTPError" and issubclass(base, Exception)
)
"""What the library's HTTP client raises, whichever client its version has."""
_LOGIN_ERROR: Final[type[Exception]] = getattr(errors, "OIDCError", OfflineModeIsEnabled)
"""What a login without a token raises; older versions know none."""
_TOKENS: Final = "https://huggingface.co/settings/tokens"


class HuggingFace:
    """One hub, for one token; used inside `opened`."""

    def __init__(self, account: Account, api: HfApi, sent: "_Sent") -> None:
        self._account, self._api, self._sent = account, api, sent

    def owner(self) -> Owner:
        """Return whose token it is.

        Raises:
            HubError: the hub does not know it, or is not reached.

        """
        with self._told("says nothing of the token"):
            found = self._api.whoami()
            token = (found.get("auth") or {}).get("accessToken") or {}
            return Owner(name=str(found["name"]), can_write=token.get("role") != "read")

    def look(self, name: str, revision: str) -> Repository | None:
        """Return a repository, None where there is none that the token may see."""
        with self._told(f"does not show {name}"):
            try:
                info = self._api.dataset_info(name, revision=revision)
            except RevisionNotFoundError as error:
                raise HubError(
                    f"{name} has no branch {revision!r}.",
                    hint="Make it on the hub, or leave --revision out for the main branch.",
                ) from error
            except RepositoryNotFoundError:
                return None
            tree = self._api.list_repo_tree(info.id, repo_type=KIND, revision=info.sha, recursive=True)
            files = {found.path: _standing(found) for found in tree if isinstance(found, RepoFile)}
            return Repository(name=info.id, commit=info.sha or "", is_private=bool(info.private), files=files)

    def titles(self, repository: Repository, paths: Sequence[str]) -> Mapping[str, str]:
        """Return the title of the commit that each file comes from."""
        found: dict[str, str] = {}
        for begin in range(0, len(paths), _PATHS_AT_ONCE):
            with self._told(f"does not show who wrote the files of {repository.name}"):
                asked = list(paths[begin : begin + _PATHS_AT_ONCE])
                for one in self._api.get_paths_info(
                    repository.name, asked, expand=True, revision=repository.commit, repo_type=KIND
                ):
                    found[one.path] = one.last_commit.title if one.last_commit is not None else ""
        return found

    def create(self, name: str, *, private: bool) -> None:
        """Make an empty repository."""
        with self._told(f"does not make {name}"):
            self._api.create_repo(name, repo_type=KIND, private=private)

    def commit(self, name: str, upload: Upload, watch: Callable[[int], None]) -> Commit:
        """Upload files and change the repository in one commit; `watch` is told the bytes that have arrived so far.

        Raises:
            HubError: it did not come to the commit, so nothing is seen of it; what arrived is not sent again.

        """
        self._sent.begin(watch)
        with self._told(f"does not take the files of {name}"):
            done = self._api.create_commit(
                name,
                [
                    *(CommitOperationAdd(path, file) for path, file in upload.files.items()),
                    *(CommitOperationDelete(path, is_folder=False) for path in upload.removed),
                ],
                commit_message=upload.title,
                repo_type=KIND,
                revision=upload.revision,
                parent_commit=upload.parent,
                create_pr=upload.as_pull_request,
                num_threads=_UPLOADS_AT_ONCE,
            )
            return Commit(id=done.oid, pull_request=done.pr_url)

    @contextmanager
    def _told(self, what: str) -> Iterator[None]:
        """Turn what the library raises into one sentence; it shows no address of a storage, and no token."""
        try:
            with warnings.catch_warnings(action="ignore"):
                yield
        except OfflineModeIsEnabled as error:
            raise HubError(
                "The library of the hub is told to stay offline, by HF_HUB_OFFLINE.", hint="Unset it to push."
            ) from error
        except (_HTTP_ERROR, RuntimeError, ValueError, LookupError, TypeError, OSError) as error:
            for cause in _causes(error):
                if isinstance(cause, GlanError):
                    raise cause from None
            raise self._error(what, [*_causes(error)]) from error

    def _error(self, what: str, causes: Sequence[BaseException]) -> HubError:
        host, hide = self._account.host, self._account.token.hide
        if (file := _FILE.search(str(causes[0]))) is not None:
            what = f"does not take {file[1]}"
        answer = next((cause for cause in causes if isinstance(cause, HfHubHTTPError)), None)
        if answer is not None:
            status, said = answer.response.status_code, _words(hide(answer.server_message or ""))
            hint = _HINTS.get(status, _AGAIN)
            return HubError(f"The hub {host} {what}: it answers {status}{f' ({said})' if said else ''}.", hint=hint)
        words = _words(hide(next((str(cause) for cause in reversed(causes) if str(cause)), type(causes[0]).__name__)))
        if any(isinstance(cause, _HTTP_ERROR) for cause in causes):
            return HubError(f"The hub {host} is not reached, or breaks off: {words}.", hint=f"{_REACH} {_AGAIN}")
        return HubError(f"The hub {host} {what}: {words}.", hint=_AGAIN)


_FILE: Final = re.compile(r"Error while uploading '([^']+)'")
_REACH: Final = "Look at the network, at HTTPS_PROXY and at HF_ENDPOINT, if they are set."
_AGAIN: Final = "Run the same command again: what has arrived is not sent twice, and nothing half-made is to be seen."
_HINTS: Final[Mapping[int, str]] = {
    400: "It does not want what it was sent. If it speaks of the card, mend `license` or `languages` in glan.toml, and "
    "`glan run` writes the card anew.",
    401: f"The token is unknown or has run out; make one that may write at {_TOKENS}.",
    403: "The token may not write there: name a user or an organisation that it may write to, or make another token "
    f"at {_TOKENS}.",
    404: "There is no such user, organisation or repository, or the token may not see it.",
    409: "Somebody else changes the repository at this moment; run the same command again.",
    412: "Somebody else has changed the repository meanwhile; run the same command again.",
}


class _Sent:
    """Counts the bytes that have arrived; uploads run in threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._watch: Callable[[int], None] = lambda _: None
        self._size_bytes = 0

    def begin(self, watch: Callable[[int], None]) -> None:
        self._watch, self._size_bytes = watch, 0

    def __call__(self, response: Any) -> None:  # noqa: ANN401 - of whichever HTTP client the library's version has
        if response.request.method == "PUT" and response.is_success:
            with self._lock:
                self._size_bytes += int(response.request.headers.get("content-length", 0))
                self._watch(self._size_bytes)


def login() -> str | None:
    """Return the token of the library's own login.

    Raises:
        HubError: a login without a token, as in CI, is asked for and fails.

    """
    try:
        return get_token()
    except (_LOGIN_ERROR, _HTTP_ERROR, OSError) as error:
        raise HubError(f"The login of the hub's library fails: {_words(str(error))}.") from error


@contextmanager
def opened(account: Account, network: Network) -> Iterator[HuggingFace]:
    """Give the hub of an account; the library is as it was when the block is left."""
    usual = get_session()
    client, hooks = type(usual), list(usual.event_hooks["request"])
    sent = _Sent()

    def guard(request: Any) -> None:  # noqa: ANN401 - of whichever HTTP client the library's version has
        _check(account, network, request.url, is_signed="authorization" in request.headers)

    api = HfApi(
        endpoint=account.base_url,
        token=account.token.reveal(),
        library_name="glan",
        library_version=glan.__version__,
    )
    guarded: Mapping[str, list[Callable[..., Any]]] = {"request": [*hooks, guard], "response": [sent]}
    with _quiet():
        set_client_factory(lambda: client(event_hooks=guarded, follow_redirects=True, timeout=_TIMEOUT_S))
        try:
            yield HuggingFace(account, api, sent)
        finally:
            set_client_factory(lambda: client(event_hooks={"request": hooks}, follow_redirects=True, timeout=None))


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the library from Xet, telemetry, bars of its own, and warnings: these show addresses of the storage."""
    log = logging.getLogger("huggingface_hub")
    before = constants.HF_HUB_DISABLE_XET, constants.HF_HUB_DISABLE_TELEMETRY, log.level
    has_bars = not are_progress_bars_disabled()
    constants.HF_HUB_DISABLE_XET = constants.HF_HUB_DISABLE_TELEMETRY = True
    log.setLevel(logging.ERROR)
    disable_progress_bars()
    try:
        yield
    finally:
        constants.HF_HUB_DISABLE_XET, constants.HF_HUB_DISABLE_TELEMETRY = before[:2]
        log.setLevel(before[2])
        if has_bars:
            enable_progress_bars()


def _check(account: Account, network: Network, url: Any, *, is_signed: bool) -> None:  # noqa: ANN401 - as above
    """Refuse a request that the hub leads us to and the project does not allow."""
    host = url.netloc.decode("ascii", "replace")
    if not is_allowed(f"{url.scheme}://{host}", network):
        raise HubError(
            f"The hub {account.host} stores its files at {host}, which is not in allow of [network].",
            hint=f'Nothing was sent there; add "{host}" to allow in glan.toml if it is meant.',
        )
    if is_signed and host != account.host:
        raise HubError(f"The hub {account.host} leads to {host}, which does not get its token.")


def _standing(found: RepoFile) -> Standing:
    return Standing(size=found.size, sha256=found.lfs.sha256 if found.lfs is not None else None, blob_id=found.blob_id)


def _causes(error: BaseException) -> Iterable[BaseException]:
    found: BaseException | None = error
    while found is not None:
        yield found
        found = found.__cause__


def _words(text: str) -> str:
    return " ".join(text.split())[:300].rstrip(".")
