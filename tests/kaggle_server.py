"""Kaggle on 127.0.0.1: blobs that are sent in pieces, datasets and their versions, as kagglehub asks.

kagglehub knows no address but a few fixed ones, so it is asked as a proxy: see `environment`.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import Any

from tests.stand_in import Answer, Fault, Request, StandIn

USER, KEY = "someone", "a-key-of-thirty-two-characters-00"
_API = "/api/v1/"


@dataclass
class Blob:
    name: str
    size: int
    content: bytes = b""


@dataclass
class Dataset:
    versions: list[dict[str, Any]] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=dict)


class KaggleServer(StandIn):
    def __init__(self, *faults: Fault, latency: float = 0.0) -> None:
        super().__init__(*faults, latency=latency)
        self.blobs: dict[str, Blob] = {}
        self.datasets: dict[str, Dataset] = {}

    @property
    def environment(self) -> dict[str, str]:
        return {
            "KAGGLE_API_ENVIRONMENT": "LOCALHOST",
            "http_proxy": self.url,
            "no_proxy": "",
            "NO_PROXY": "",
            "KAGGLE_USERNAME": USER,
            "KAGGLE_KEY": KEY,
        }

    def files(self, handle: str) -> dict[str, bytes]:
        """Return the files of a dataset's latest version, by their path."""
        return dict(self._files_in(self.datasets[handle].versions[-1], ""))

    def _files_in(self, folder: dict[str, Any], above: str) -> list[tuple[str, bytes]]:
        here = [self.blobs[file["token"]] for file in folder.get("files", ())]
        found = [(f"{above}{blob.name}", blob.content) for blob in here]
        for below in folder.get("directories", ()):
            found += self._files_in(below, f"{above}{below['name']}/")
        return found

    def broken(self, request: Request) -> None:
        if request.path.startswith("/upload/"):
            self.blobs[request.path.rpartition("/")[2]].content += request.body

    def answer(self, request: Request) -> Answer:
        if request.path.startswith("/upload/"):
            return self._receive(request)
        said = base64.b64decode(request.headers.get("authorization", "").removeprefix("Basic ") or "Og==").decode()
        if said != f"{USER}:{KEY}":
            return Answer({"code": 401, "message": "Unauthenticated"}, 401)
        content = request.json
        match request.path.removeprefix(_API).rpartition("/")[2]:
            case "StartBlobUpload":
                return self._start(content)
            case "CreateDataset":
                return self._create(content)
            case "CreateDatasetVersion":
                return self._add_version(content)
            case "GetDatasetMetadata":
                return self._metadata(content)
            case "UpdateDatasetMetadata":
                self.datasets[self._handle(content)].settings |= content["settings"]
                return Answer({"errors": []})
        return Answer({"code": 404, "message": "Not found"}, 404)

    @staticmethod
    def _handle(content: dict[str, Any]) -> str:
        return f"{content['ownerSlug']}/{content.get('datasetSlug') or content.get('slug')}"

    def _start(self, content: dict[str, Any]) -> Answer:
        token = f"blob-{len(self.blobs)}"
        self.blobs[token] = Blob(content["name"], content["contentLength"])
        return Answer({"token": token, "createUrl": f"{self.url}/upload/{token}"})

    def _receive(self, request: Request) -> Answer:
        blob = self.blobs[request.path.rpartition("/")[2]]
        begin = request.headers.get("content-range", "").removeprefix("bytes ").partition("-")[0]
        if begin.isdigit():
            blob.content = blob.content[: int(begin)] + request.body
        if len(blob.content) >= blob.size:
            return Answer({})
        return Answer(b"", 308, {"Range": f"bytes=0-{len(blob.content) - 1}"} if blob.content else {})

    def _create(self, content: dict[str, Any]) -> Answer:
        handle = self._handle(content)
        if content["ownerSlug"] != USER:
            return Answer({"code": 403, "message": "Permission 'datasets.create' was denied"}, 403)
        if handle in self.datasets:
            return Answer({"error": f'The requested title "{content["title"]}" is already in use by a dataset.'})
        return self._with_version(handle, content, {"isPrivate": content.get("isPrivate", False)})

    def _add_version(self, content: dict[str, Any]) -> Answer:
        return self._with_version(self._handle(content), content["body"], {})

    def _with_version(self, handle: str, content: dict[str, Any], settings: dict[str, Any]) -> Answer:
        if any(len(content) < self.blobs[token].size for token, content in self._tokens(content)):
            return Answer({"error": "A file is incomplete", "errorCode": 400})
        dataset = self.datasets.setdefault(handle, Dataset(settings=settings))
        dataset.versions.append(content)
        return Answer({"ref": f"/{handle}", "url": f"https://www.kaggle.com/datasets/{handle}", "status": "ok"})

    def _tokens(self, folder: dict[str, Any]) -> list[tuple[str, bytes]]:
        found = [(file["token"], self.blobs[file["token"]].content) for file in folder.get("files", ())]
        return found + [one for below in folder.get("directories", ()) for one in self._tokens(below)]

    def _metadata(self, content: dict[str, Any]) -> Answer:
        dataset = self.datasets.get(self._handle(content))
        if dataset is None:
            return Answer({"code": 404, "message": "Dataset not found"}, 404)
        return Answer({"info": dataset.settings})
