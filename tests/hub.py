"""A hub of data sets on this machine, as far as `huggingface_hub` and `datasets` ask it: git, LFS, and a storage.

It is strict where the real one is: a token that does not write is turned away, an object that is not what its hash says
is not stored, and a commit that names an object which never arrived is refused.
"""

import base64
import hashlib
import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias
from urllib.parse import parse_qs, unquote

import uvicorn
from repositories import Changes, Commit, Repository
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

TOKEN = "hf_janesTokenThatMayWrite0123456789"  # noqa: S105 - of a hub on this machine
READER = "hf_janesTokenThatMayOnlyRead456789"
STRANGER = "hf_bobsTokenOfAnotherNamespace789"
_OWNERS = {TOKEN: "jane", READER: "jane", STRANGER: "bob"}

Fault: TypeAlias = Callable[[int], int | Literal["cut", "stall"] | None]
"""What becomes of an upload by its number: a status, a cut connection, no answer ever, or None where it arrives."""


class _TurnedAwayError(Exception):
    """A request that gets no more than a status."""

    def __init__(self, status: int, message: str, code: str | None = None) -> None:
        super().__init__(message)
        self.status, self.code = status, code


@dataclass
class Hub:
    """What the hub has, and what it was sent."""

    base_url: str = ""
    repositories: dict[str, Repository] = field(default_factory=dict)
    objects: dict[str, bytes] = field(default_factory=dict)
    """The storage: large files by their SHA-256."""
    puts: list[str] = field(default_factory=list)
    """The SHA-256 of every large file that arrived, each time."""
    bodies: list[bytes] = field(default_factory=list)
    """Every byte that anybody sent, request by request."""
    asked: list[str] = field(default_factory=list)
    """Method, path and whether there was a token, of every request."""
    fault: Fault = lambda _: None
    commit_status: int | None = None
    """What every commit is answered with, in place of being made."""
    loses_answer: bool = False
    """Whether the answer to a commit is lost on its way, though the commit stands."""
    storage_url: str = ""
    """Where the hub sends uploads, if not to itself."""
    _n_uploads: int = 0

    def put(self, name: str, files: Mapping[str, bytes], *, private: bool = True) -> None:
        """Write into a repository, and make it where there is none, as a person does on the hub's page."""
        if name not in self.repositories:
            self.repositories[name] = Repository.new(private=private)
        large = frozenset(path for path in files if path.endswith(".parquet"))
        self.repositories[name].write("main", "By hand", Changes(added=files, large=large))

    # What follows answers requests.

    async def whoami(self, request: Request) -> Response:
        owner = _owner(request)
        if owner is None:
            raise _TurnedAwayError(401, "Invalid credentials in Authorization header")
        token = {"displayName": "a token", "role": "read" if _token(request) == READER else "write"}
        auth = {"type": "access_token", "accessToken": token}
        return JSONResponse({"type": "user", "name": owner, "orgs": [], "auth": auth})

    async def create(self, request: Request) -> Response:
        asked = json.loads(await request.body())
        owner = _owner(request)
        namespace = asked.get("organization") or owner
        name = f"{namespace}/{asked['name']}"
        if owner is None or namespace != owner or _token(request) == READER:
            raise _TurnedAwayError(403, f"You have no right to create a dataset under the namespace {namespace}")
        if name in self.repositories:
            raise _TurnedAwayError(409, "You already created this dataset repo")
        is_private = asked.get("private", False) or asked.get("visibility") == "private"
        self.repositories[name] = Repository.new(private=is_private)
        return JSONResponse({"url": f"{self.base_url}/datasets/{name}", "name": name, "id": name})

    async def check_card(self, request: Request) -> Response:
        if 'license: "none of these"' in json.loads(await request.body())["content"]:
            message = '"license" must be one of [apache-2.0, mit, other]'
            return JSONResponse({"error": message, "errors": [{"message": message}]}, 400)
        return JSONResponse({"errors": [], "warnings": []})

    async def info(self, request: Request) -> Response:
        name, repository, commit = self._found(request)
        return JSONResponse(
            {
                "_id": "1",
                "id": name,
                "author": name.split("/")[0],
                "sha": commit.id,
                "private": repository.private,
                "gated": False,
                "disabled": False,
                "tags": [],
                "downloads": 0,
                "likes": 0,
                "lastModified": "2026-01-01T00:00:00.000Z",
                "createdAt": "2026-01-01T00:00:00.000Z",
                "siblings": [{"rfilename": path} for path in commit.files],
            }
        )

    async def tree(self, request: Request) -> Response:
        _, _, commit = self._found(request)
        below = request.path_params.get("below", "").strip("/")
        files = {path: file for path, file in commit.files.items() if not below or path.startswith(f"{below}/")}
        if below and not files:
            raise _TurnedAwayError(404, "Entry not found", "EntryNotFound")
        folders = sorted({path.split("/")[0] for path in files if "/" in path} if not below else ())
        listed = [file.listed(path, expand=False) for path, file in files.items()]
        return JSONResponse([_folder(path) for path in folders] + listed)

    async def paths(self, request: Request) -> Response:
        _, _, commit = self._found(request)
        form = parse_qs((await request.body()).decode())
        wanted, is_expanded = form.get("paths", []), form.get("expand", [""])[0].lower() == "true"
        folders = {path.rsplit("/", 1)[0] for path in commit.files if "/" in path}
        listed = [commit.files[path].listed(path, expand=is_expanded) for path in wanted if path in commit.files]
        return JSONResponse(listed + [_folder(path) for path in wanted if path in folders])

    async def preupload(self, request: Request) -> Response:
        self._found(request, to_write=True)
        files = [file["path"] for file in json.loads(await request.body())["files"]]
        modes = ("lfs" if path.endswith(".parquet") else "regular" for path in files)
        told = [
            {"path": path, "uploadMode": mode, "shouldIgnore": False} for path, mode in zip(files, modes, strict=True)
        ]
        return JSONResponse({"files": told})

    async def batch(self, request: Request) -> Response:
        self._found(request, to_write=True)
        objects = json.loads(await request.body())["objects"]
        return JSONResponse({"transfer": "basic", "objects": [self._way(one) for one in objects]})

    def _way(self, wanted: Mapping[str, Any]) -> Mapping[str, Any]:
        oid = wanted["oid"]
        if oid in self.objects:
            return {"oid": oid, "size": wanted["size"]}
        actions = {
            "upload": {"href": f"{self.storage_url or self.base_url}/storage/{oid}?signature=secret", "header": {}},
            "verify": {"href": f"{self.base_url}/verify", "header": {}},
        }
        return {"oid": oid, "size": wanted["size"], "actions": actions}

    async def store(self, request: Request) -> Response:
        data, oid = await request.body(), request.path_params["oid"]
        self._n_uploads += 1
        fault = self.fault(self._n_uploads)
        if fault == "stall":
            await request.receive()  # until the client has gone
            return Response(status_code=400)
        if fault == "cut":
            return _half()
        if fault is not None:
            return Response(status_code=fault)
        if "authorization" in request.headers or hashlib.sha256(data).hexdigest() != oid:
            return Response(status_code=400)
        self.objects[oid] = data
        self.puts.append(oid)
        return Response(status_code=200)

    async def verify(self, request: Request) -> Response:
        wanted = json.loads(await request.body())
        is_there = len(self.objects.get(wanted["oid"], b"")) == wanted["size"]
        return Response(status_code=200 if is_there else 404)

    async def commit(self, request: Request) -> Response:
        name, repository, before = self._found(request, to_write=True)
        head, *lines = [json.loads(line) for line in (await request.body()).splitlines()]
        if self.commit_status is not None:
            raise _TurnedAwayError(self.commit_status, "The commit did not go through.")
        if head["value"].get("parentCommit") not in {None, before.id}:
            raise _TurnedAwayError(412, "The branch has moved.")
        changes = self._changes(lines, before)
        is_proposed = request.query_params.get("create_pr") == "1"
        branch = "refs/pr/1" if is_proposed else unquote(request.path_params["revision"])
        done = repository.write(branch, head["value"]["summary"], changes, before)
        url = f"{self.base_url}/datasets/{name}"
        answer = {"commitUrl": f"{url}/commit/{done.id}", "commitOid": done.id, "success": True}
        if is_proposed:
            answer["pullRequestUrl"] = f"{url}/discussions/1"
        return _half() if self.loses_answer else JSONResponse(answer)

    def _changes(self, lines: Sequence[Mapping[str, Any]], before: Commit) -> Changes:
        values = [(line["key"], line["value"]) for line in lines]
        small = {value["path"]: base64.b64decode(value["content"]) for kind, value in values if kind == "file"}
        oids = {value["path"]: value["oid"] for kind, value in values if kind == "lfsFile"}
        removed = frozenset(value["path"] for kind, value in values if kind == "deletedFile")
        if not (removed <= {*before.files} and {*oids.values()} <= {*self.objects}):
            raise _TurnedAwayError(400, "The commit names what is not there.")
        large = {path: self.objects[oid] for path, oid in oids.items()}
        return Changes(added={**small, **large}, large=frozenset(large), removed=removed)

    async def resolve(self, request: Request) -> Response:
        _, _, commit = self._found(request)
        file = commit.files.get(request.path_params["path"])
        if file is None:
            raise _TurnedAwayError(404, "Entry not found", "EntryNotFound")
        etag = f'"{file.sha256 if file.is_large else file.blob_id}"'
        headers = {"X-Repo-Commit": commit.id, "ETag": etag, "Accept-Ranges": "bytes"}
        asked = request.headers.get("range")
        if asked is None:
            return Response(file.data, headers=headers)
        first, _, last = asked.removeprefix("bytes=").partition("-")
        begin, end = int(first), min(int(last or len(file.data)), len(file.data) - 1)
        headers["Content-Range"] = f"bytes {begin}-{end}/{len(file.data)}"
        return Response(file.data[begin : end + 1], status_code=206, headers=headers)

    def _found(self, request: Request, *, to_write: bool = False) -> tuple[str, Repository, Commit]:
        """Return the repository and the commit that a request is about, if its token may see them."""
        namespace = request.path_params["owner"]
        name = f"{namespace}/{request.path_params['name'].removesuffix('.git')}"
        repository, owner = self.repositories.get(name), _owner(request)
        if repository is None or (repository.private and owner != namespace):
            raise _TurnedAwayError(404, "Repository not found", "RepoNotFound")
        if to_write and (owner != namespace or _token(request) == READER):
            raise _TurnedAwayError(403, "Forbidden: you must have write access")
        commit = repository.at(unquote(request.path_params.get("revision", "main")))
        if commit is None:
            raise _TurnedAwayError(404, "Invalid rev id", "RevisionNotFound")
        return name, repository, commit

    def app(self) -> Starlette:
        one, git = "/api/datasets/{owner}/{name}", "/datasets/{owner}/{name}"
        routes = [
            ("GET", "/api/whoami-v2", self.whoami),
            ("POST", "/api/repos/create", self.create),
            ("POST", "/api/validate-yaml", self.check_card),
            ("GET", one, self.info),
            ("GET", f"{one}/revision/{{revision:path}}", self.info),
            ("GET", f"{one}/tree/{{revision}}", self.tree),
            ("GET", f"{one}/tree/{{revision}}/{{below:path}}", self.tree),
            ("POST", f"{one}/paths-info/{{revision}}", self.paths),
            ("POST", f"{one}/preupload/{{revision}}", self.preupload),
            ("POST", f"{one}/commit/{{revision}}", self.commit),
            ("POST", f"{git}/info/lfs/objects/batch", self.batch),
            ("GET", f"{git}/resolve/{{revision}}/{{path:path}}", self.resolve),
            ("PUT", "/storage/{oid}", self.store),
            ("POST", "/verify", self.verify),
        ]
        return Starlette(
            routes=[Route(path, self._noted(answer), methods=[method]) for method, path, answer in routes],
            exception_handlers={_TurnedAwayError: _turn_away},
        )

    def _noted(self, answer: Callable[[Request], Any]) -> Callable[[Request], Any]:
        """Return an endpoint that keeps what it is sent."""

        async def noted(request: Request) -> Response:
            signed = " signed" if "authorization" in request.headers else ""
            self.asked.append(f"{request.method} {request.url.path}{signed}")
            self.bodies.append(await request.body())
            found: Response = await answer(request)
            return found

        return noted


async def _turn_away(_: Request, error: Exception) -> Response:
    assert isinstance(error, _TurnedAwayError)
    code = {"X-Error-Code": error.code} if error.code is not None else {}
    return JSONResponse({"error": str(error)}, error.status, headers={"X-Error-Message": str(error), **code})


def _half() -> Response:
    """Return an answer that breaks off in the middle."""
    return StreamingResponse(iter([b"half of"]), headers={"content-length": "100"})


def _token(request: Request) -> str:
    return request.headers.get("authorization", "").removeprefix("Bearer ")


def _owner(request: Request) -> str | None:
    return _OWNERS.get(_token(request))


def _folder(path: str) -> dict[str, Any]:
    return {"type": "directory", "path": path, "oid": "0" * 40, "size": 0}


@contextmanager
def running_hub() -> Iterator[Hub]:
    """Run a hub in a thread until the block is left."""
    hub = Hub()
    config = uvicorn.Config(hub.app(), port=0, log_config=None, lifespan="off", ws="none", http="h11")
    server = uvicorn.Server(config)
    socket = config.bind_socket()
    hub.base_url = f"http://127.0.0.1:{socket.getsockname()[1]}"
    thread = threading.Thread(target=server.run, args=([socket],), daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.should_exit = server.force_exit = True
        thread.join(10)
        socket.close()
