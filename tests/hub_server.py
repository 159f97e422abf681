"""The Hugging Face hub on 127.0.0.1: datasets, large files by Git LFS, commits and downloads, as huggingface_hub asks.

Its storage (Xet) isn't there. Answers, headers and errors are worded as the hub's.
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

import yaml

from tests.stand_in import Answer, Fault, Request, StandIn

WRITES, READS = "hf_a-token-that-may-write", "hf_a-token-that-may-read"
USER = "someone"
_PREFIX = "/api/datasets/"


@dataclass
class Repository:
    private: bool
    files: dict[str, bytes] = field(default_factory=dict)
    commits: list[dict[str, Any]] = field(default_factory=list)

    @property
    def sha(self) -> str:
        return hashlib.sha1(f"{len(self.commits)} {sorted(self.files)}".encode(), usedforsecurity=False).hexdigest()


def _oid(content: bytes, *, large: bool) -> str:
    if large:
        return hashlib.sha256(content).hexdigest()
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


class HubServer(StandIn):
    """The hub; `parts` is from how many bytes on a file is sent in parts of so many bytes."""

    def __init__(self, *faults: Fault, latency: float = 0.0, parts: int = 10**9, user: str = USER) -> None:
        super().__init__(*faults, latency=latency)
        self.parts = parts
        self.user = user
        self.repositories: dict[str, Repository] = {}
        self.stored: dict[str, bytes] = {}
        self._pieces: dict[str, dict[int, bytes]] = {}

    def files(self, repository: str) -> dict[str, bytes]:
        return self.repositories[repository].files

    def answer(self, request: Request) -> Answer:
        path = request.path
        if path.startswith("/lfs/"):  # signed addresses: no token
            return self._storage(request)
        return self._refused(request) or self._of_hub(request)

    def _of_hub(self, request: Request) -> Answer:
        path = request.path
        match path:
            case "/api/whoami-v2":
                return Answer({"name": self.user, "type": "user", "auth": {"type": "access_token"}})
            case "/api/repos/create":
                return self._create(request.json)
            case "/api/validate-yaml":
                return self._validate(request.json["content"])
        if path.endswith(".git/info/lfs/objects/batch"):
            return self._batch(request.json)
        if path.endswith(".git/info/lfs/verify"):
            return Answer({}, 200 if request.json["oid"] in self.stored else 404)
        if path.startswith(_PREFIX):
            return self._of_repository(request)
        return self._download(request) if "/resolve/" in path else Answer({"error": "Not Found"}, 404)

    def _refused(self, request: Request) -> Answer | None:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if token not in (WRITES, READS):
            said = "Invalid credentials in Authorization header" if token else "Invalid username or password."
            return Answer({"error": said}, 401, {"X-Error-Message": said})
        if token == READS and (
            request.path == "/api/repos/create" or "/commit/" in request.path or "preupload" in request.path
        ):
            said = f"Forbidden: you must use a write token to upload to {self.user}."
            return Answer({"error": said}, 403, {"X-Error-Message": said})
        return None

    def _create(self, wanted: dict[str, Any]) -> Answer:
        name = f"{wanted.get('organization') or self.user}/{wanted['name']}"
        url = f"{self.url}/datasets/{name}"
        if not name.startswith(f"{self.user}/"):
            said = f'You don\'t have the rights to create a dataset under the namespace "{name.partition("/")[0]}"'
            return Answer({"error": said}, 403, {"X-Error-Message": said})
        if name in self.repositories:
            return Answer({"error": "You already created this dataset repo", "url": url}, 409)
        self.repositories[name] = Repository(wanted.get("visibility") == "private" or wanted.get("private") is True)
        return Answer({"url": url, "name": name, "id": "6567"})

    @staticmethod
    def _validate(content: str) -> Answer:
        head = yaml.safe_load(content.split("---")[1])
        errors = [] if isinstance(head, dict) else [{"message": "metadata is no mapping"}]
        if head.get("license") == "not-a-licence":
            errors.append({"message": '"license" must be one of [apache-2.0, mit, ...]'})
        return Answer({"errors": errors, "warnings": []}, 400 if errors else 200)

    def _of_repository(self, request: Request) -> Answer:
        parts = request.path.removeprefix(_PREFIX).split("/")
        name, what, revision = "/".join(parts[:2]), parts[2] if len(parts) > 2 else "", parts[3:]
        if name not in self.repositories:
            said = "Repository not found"
            return Answer({"error": said}, 404, {"X-Error-Code": "RepoNotFound", "X-Error-Message": said})
        repository = self.repositories[name]
        match what:
            case "" | "revision":
                return Answer(self._info(name, repository))
            case "settings":
                repository.private = request.json.get("visibility", request.json.get("private")) in ("private", True)
                return Answer({"private": repository.private})
            case "preupload":
                return Answer({"files": [self._mode(repository, file) for file in request.json["files"]]})
            case "commit":
                return self._commit(name, repository, request.body)
            case "tree":
                return Answer([self._entry(path, content) for path, content in sorted(repository.files.items())])
        return Answer({"error": f"{what} {revision}"}, 404)

    @staticmethod
    def _info(name: str, repository: Repository) -> dict[str, Any]:
        files = [{"rfilename": path} for path in sorted(repository.files)]
        return {
            "_id": "6567", "id": name, "author": USER, "sha": repository.sha, "private": repository.private,
            "gated": False, "disabled": False, "tags": [], "downloads": 0, "likes": 0, "siblings": files,
            "createdAt": "2026-11-30T00:00:00.000Z", "lastModified": "2026-11-30T00:00:00.000Z",
        }  # fmt: skip

    @staticmethod
    def _mode(repository: Repository, file: dict[str, Any]) -> dict[str, Any]:
        large = file["path"].endswith(".parquet") or file["size"] > 10_000_000
        there = repository.files.get(file["path"])
        return {
            "path": file["path"],
            "uploadMode": "lfs" if large else "regular",
            "shouldIgnore": False,
            "oid": None if there is None else _oid(there, large=large),
        }

    @staticmethod
    def _entry(path: str, content: bytes) -> dict[str, Any]:
        large = path.endswith(".parquet")
        entry = {"type": "file", "oid": _oid(content, large=False), "size": len(content), "path": path}
        lfs = {"oid": _oid(content, large=True), "size": len(content), "pointerSize": 130}
        return {**entry, "lfs": lfs} if large else entry

    # ---- large files

    def _batch(self, wanted: dict[str, Any]) -> Answer:
        return Answer({"transfer": "basic", "objects": [self._object(one) for one in wanted["objects"]]})

    def _object(self, wanted: dict[str, Any]) -> dict[str, Any]:
        oid, size = wanted["oid"], wanted["size"]
        found = {"oid": oid, "size": size, "authenticated": True}
        if oid in self.stored:
            return found
        upload: dict[str, Any] = {"href": f"{self.url}/lfs/{oid}?X-Amz-Signature=0123"}
        if size > self.parts:
            count = -(-size // self.parts)
            places = {f"{part:05}": f"{self.url}/lfs/{oid}/{part}?sig=0123" for part in range(1, count + 1)}
            upload = {"href": f"{self.url}/lfs/{oid}/complete", "header": {"chunk_size": str(self.parts), **places}}
        verify = {"href": f"{self.url}/datasets/{USER}/any.git/info/lfs/verify", "header": {}}
        return {**found, "actions": {"upload": upload, "verify": verify} if size <= self.parts else {"upload": upload}}

    def _storage(self, request: Request) -> Answer:
        _, _, oid, *rest = request.path.split("/")
        if request.method == "GET" and oid in self.stored:
            return Answer(self.stored[oid], headers={"ETag": f'"{oid}"'})
        if not rest:
            return self._store(oid, request.body)
        pieces = self._pieces.setdefault(oid, {})
        if rest == ["complete"]:
            return self._store(oid, b"".join(pieces[number] for number in sorted(pieces)))
        pieces[int(rest[0])] = request.body
        return Answer(b"", headers={"ETag": f'"{rest[0]}"'})

    def _store(self, oid: str, content: bytes) -> Answer:
        if _oid(content, large=True) != oid:
            return Answer({"error": "SHA256 mismatch"}, 400)
        self.stored[oid] = content
        return Answer(b"", headers={"ETag": f'"{oid[:32]}"'})

    # ---- commits and downloads

    def _commit(self, name: str, repository: Repository, body: bytes) -> Answer:
        files, header = dict(repository.files), {}
        for line in map(json.loads, body.splitlines()):
            value = line["value"]
            match line["key"]:
                case "header":
                    header = value
                case "file":
                    files[value["path"]] = base64.b64decode(value["content"])
                case "lfsFile":
                    if value["oid"] not in self.stored:
                        return Answer({"error": f"LFS object {value['oid']} is missing"}, 422)
                    files[value["path"]] = self.stored[value["oid"]]
                case "deletedFile":
                    del files[value["path"]]
        repository.files = files
        repository.commits.append(header)
        return Answer(
            {"success": True, "commitOid": repository.sha, "hookOutput": "",
             "commitUrl": f"{self.url}/datasets/{name}/commit/{repository.sha}"}
        )  # fmt: skip

    def _download(self, request: Request) -> Answer:
        name, _, rest = request.path.removeprefix("/datasets/").partition("/resolve/")
        path = rest.partition("/")[2]
        repository = self.repositories.get(name)
        if repository is None or path not in repository.files:
            said = "Entry not found"
            return Answer({"error": said}, 404, {"X-Error-Code": "EntryNotFound", "X-Error-Message": said})
        content = repository.files[path]
        headers = {"X-Repo-Commit": repository.sha, "ETag": f'"{_oid(content, large=False)}"'}
        if path.endswith(".parquet"):
            oid = _oid(content, large=True)
            headers |= {"X-Linked-Etag": f'"{oid}"', "X-Linked-Size": str(len(content))}
            elsewhere = self.url.replace("127.0.0.1", "localhost")  # the hub sends to a storage on another host
            return Answer(b"", 302, {**headers, "Location": f"{elsewhere}/lfs/{oid}", "ETag": f'"{oid}"'})
        return Answer(
            content,
            headers={**headers, "Content-Type": "text/plain; charset=utf-8", "Content-Length": str(len(content))},
        )
