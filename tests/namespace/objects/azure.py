"""A stand-in for Azure's blob storage on this machine: of its REST API what Lance asks for.

It is found as the emulator is that Azure's own tools start. A blob is written under a condition:
that there is none, or that it is the one that was read.
"""

from __future__ import annotations

import re
from urllib.parse import unquote
from xml.sax.saxutils import escape

from tests.namespace.objects.stand_in import WHEN, Answers, Storage

_ACCOUNT = "devstoreaccount1"


class _Answers(Answers):
    deleted = 202

    def place(self, path: str) -> str:
        return path.lstrip("/").removeprefix(f"{_ACCOUNT}/")

    def no_bucket(self) -> None:
        self.refuse(404, "ContainerNotFound")

    def facts(self, number: int) -> dict[str, object]:
        return {**super().facts(number), "x_ms_blob_type": "BlockBlob"}

    def write(self, bucket: str, name: str, body: bytes) -> None:
        found = self.server.objects.get((bucket, name))
        if self.headers.get("If-None-Match") == "*" and found:
            self.refuse(409, "BlobAlreadyExists")
            return
        wanted = self.headers.get("If-Match")
        if wanted is not None and (not found or wanted != f'"{found[0]}"'):
            self.refuse(412, "ConditionNotMet")
            return
        self.answer(201, ETag=f'"{self.server.put(bucket, name, body)}"', Last_Modified=WHEN)

    def post(self, bucket: str, body: bytes) -> None:
        """Delete the blobs that a body in parts names."""
        told = []
        for part in re.split(rb"\r\n--|^--", body):
            asked = re.search(rb"Content-ID: (\d+).*?\r\nDELETE (\S+) ", part, re.DOTALL)
            if asked is None:
                continue
            path = self.place(unquote(asked[2].decode())).partition("/")
            gone = self.server.objects.pop((path[0], path[2]), None)
            told.append(
                "--batch\r\nContent-Type: application/http\r\n"
                f"Content-ID: {asked[1].decode()}\r\n\r\n"
                f"HTTP/1.1 {'202 Accepted' if gone else '404 Not Found'}\r\n\r\n"
            )
        kind = "multipart/mixed; boundary=batch"
        self.answer(202, f"{''.join(told)}--batch--\r\n", Content_Type=kind)

    def list(self, bucket: str, asked: dict[str, str]) -> None:
        names, folders = self.server.below(
            bucket, asked.get("prefix", ""), asked.get("delimiter", "")
        )
        told = [f"<BlobPrefix><Name>{escape(one)}</Name></BlobPrefix>" for one in folders]
        for name in names:
            number, content = self.server.objects[bucket, name]
            told.append(
                f"<Blob><Name>{escape(name)}</Name><Properties><Last-Modified>{WHEN}"
                f'</Last-Modified><Etag>"{number}"</Etag><Content-Length>{len(content)}'
                "</Content-Length><Content-Type>application/octet-stream</Content-Type>"
                "</Properties></Blob>"
            )
        self.answer(200, f"<EnumerationResults><Blobs>{''.join(told)}</Blobs></EnumerationResults>")


class AzureStorage(Storage):
    scheme = "az"
    answers = _Answers

    def environment(self) -> dict[str, str]:
        return {
            "AZURITE_BLOB_STORAGE_URL": f"http://127.0.0.1:{self.server_port}",
            "AZURE_STORAGE_USE_EMULATOR": "true", "AZURE_STORAGE_ALLOW_HTTP": "true",
            "AZURE_STORAGE_ACCOUNT_NAME": _ACCOUNT,
        }  # fmt: skip
