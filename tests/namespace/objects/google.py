"""A stand-in for Google Cloud Storage on this machine: of its XML API what Lance asks for.

Objects have generations, by which a write is refused that was made for another one.
"""

from __future__ import annotations

import json
from xml.sax.saxutils import escape

from tests.namespace.objects.stand_in import Answers, Storage

_WHEN = "2026-11-29T12:00:00.000Z"


class _Answers(Answers):
    def no_bucket(self) -> None:
        self.refuse(404, "NoSuchBucket")

    def facts(self, number: int) -> dict[str, object]:
        return {**super().facts(number), "x_goog_generation": number}

    def write(self, bucket: str, name: str, body: bytes) -> None:
        there, _ = self.server.objects.get((bucket, name), (0, b""))
        wanted = self.headers.get("x-goog-if-generation-match")
        if wanted is not None and int(wanted) != there:
            self.refuse(412, "PreconditionFailed")
            return
        number = self.server.put(bucket, name, body)
        self.answer(200, ETag=f'"{number}"', x_goog_generation=number)

    def list(self, bucket: str, asked: dict[str, str]) -> None:
        names, folders = self.server.below(
            bucket, asked.get("prefix", ""), asked.get("delimiter", "")
        )
        told = [
            f"<CommonPrefixes><Prefix>{escape(one)}</Prefix></CommonPrefixes>" for one in folders
        ]
        for name in names:
            number, content = self.server.objects[bucket, name]
            told.append(
                f"<Contents><Key>{escape(name)}</Key><Size>{len(content)}</Size>"
                f'<ETag>"{number}"</ETag><LastModified>{_WHEN}</LastModified></Contents>'
            )
        self.answer(200, f"<ListBucketResult>{''.join(told)}</ListBucketResult>")


class GoogleStorage(Storage):
    scheme = "gs"
    answers = _Answers

    def environment(self) -> dict[str, str]:
        told = {
            "gcs_base_url": f"http://127.0.0.1:{self.server_port}", "disable_oauth": True,
            "client_email": "", "private_key": "", "private_key_id": "",
        }  # fmt: skip
        return {"GOOGLE_SERVICE_ACCOUNT_KEY": json.dumps(told), "GOOGLE_ALLOW_HTTP": "true"}
