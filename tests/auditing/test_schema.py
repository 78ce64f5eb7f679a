"""The schema of `audit.json`: that of the dataclasses, and what documents are held against."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import namebasis
from namebasis.auditing.files import read_audit
from namebasis.auditing.results import SCHEMA
from namebasis.auditing.schema import schema
from tests.auditing.tiny import made_audit

FILE = Path(namebasis.__file__).parent / "data" / "audit.schema.json"
DOCUMENT = Path(__file__).parents[2] / "docs" / "audit.md"


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("namebasis.auditing.parts.Asked.say", lambda *_: "said.")
        found: dict[str, Any] = json.loads(made_audit()[0].to_json())
    return found


def test_the_packaged_schema_is_that_of_the_dataclasses() -> None:
    held = json.loads(FILE.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(held)
    assert held == schema(), "python -m namebasis.auditing.schema namebasis/data/audit.schema.json"


def test_a_document_is_valid_and_what_is_not_is_refused(document: dict[str, Any]) -> None:
    jsonschema.validate(document, schema())
    for path, value in (
        (("schema",), SCHEMA + 1), (("plan", "seed"), "0"), (("parts", 0, "claims", 0, "p"), "low"),
        (("parts", 0, "claims", 0, "measure"), "vibes"), (("encoder", "weights"), 1),
    ):  # fmt: skip
        wrong = copy.deepcopy(document)
        at: Any = wrong
        for key in path[:-1]:
            at = at[key]
        at[path[-1]] = value
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(wrong, schema())
    del document["parts"][0]["claims"][0]["chance"]
    with pytest.raises(jsonschema.ValidationError, match="'chance' is a required property"):
        jsonschema.validate(document, schema())


def test_every_key_is_documented() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    held = schema()
    inner = held["properties"]
    corpus = inner["corpora"]["additionalProperties"]
    kinds = [held, inner["encoder"], inner["plan"], corpus, *held["$defs"].values()]
    keys = {key for kind in kinds for key in kind["properties"]}
    assert {key for key in keys if not re.search(rf"`{key}`", text)} == set()


def test_a_document_is_read_as_it_was_written(tmp_path: Path) -> None:
    audit, _ = made_audit()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("namebasis.auditing.parts.Asked.say", lambda *_: "said.")
        (tmp_path / "audit.json").write_text(audit.to_json(), encoding="utf-8")
    again = read_audit(tmp_path)
    assert again.parts == audit.parts
    assert again.plan == audit.plan
