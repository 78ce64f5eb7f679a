"""The examples of docs/pictures.md, run on sources as it describes them."""

from __future__ import annotations

import io
import json
import re
import shlex
import tarfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

import namebasis as nb
from tests.test_cli import run

pytestmark = pytest.mark.long

TEXT = (Path(__file__).parents[1] / "docs" / "pictures.md").read_text(encoding="utf-8")
NAMES = ("Vicki", "Winona", "Roger")


def picture(path: Path, seed: int) -> bytes:
    """A picture that no other has, written and returned."""
    pixels = np.random.default_rng(seed).integers(0, 255, (16, 16, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(stream.getvalue())
    return stream.getvalue()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a space and every source that the document names."""
    where = tmp_path_factory.mktemp("pictures")
    nb.build_space(list(NAMES), where / "my.space", encoder="organism", templates="plain")
    picture(where / "photos" / "Vicki" / "1.png", 1)
    picture(where / "photos" / "Winona_2.png", 2)
    picture(where / "a.png", 3)
    (where / "people.csv").write_text("file_name,name\na.png,Roger\nmissing.png,Vicki\n")
    with tarfile.open(where / "00000.tar", "w") as tar:
        content = picture(where / "b.png", 4)
        for name, data in (("1.png", content), ("1.json", b'{"name": "Vicki"}')):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    picture(where / "downloaded" / "00000" / "000000000.jpg", 5)
    record = [{"key": "000000000", "status": "success", "caption": "Winona"}]
    pq.write_table(pa.Table.from_pylist(record), where / "downloaded" / "00000.parquet")
    picture(where / "imagefolder" / "train" / "1.png", 6)
    row = json.dumps({"file_name": "1.png", "label": "Roger"})
    (where / "imagefolder" / "train" / "metadata.jsonl").write_text(row)
    for room in ("img_emb", "metadata"):
        (where / "embeddings" / room).mkdir(parents=True)
    dim = nb.open_space(where / "my.space").provenance.dim
    vectors = np.random.default_rng(7).normal(size=(2, dim)).astype(np.float16)
    np.save(where / "embeddings" / "img_emb" / "img_emb_0.npy", vectors)
    rows = pa.table({"image_path": ["0", "1"], "caption": ["Vicki", "Roger"]})
    pq.write_table(rows, where / "embeddings" / "metadata" / "metadata_0.parquet")
    picture(where / "strangers" / "Ann Lee" / "1.png", 8)
    return where


def test_every_source_of_the_document_is_added(place: Path) -> None:
    sources = TEXT.partition("## How a space keeps them")[0]
    blocks = re.findall(r"^```sh\n(.*?)^```", sources, re.MULTILINE | re.DOTALL)
    commands = [shlex.split(line, comments=True) for block in blocks for line in block.splitlines()]
    assert len(commands) == 7
    n_added = {}
    for words in commands:
        done = run(*words[1:], "--json", "-q", cwd=place)
        assert done.returncode == 0, done.stderr
        n_added[words[4]] = json.loads(done.stdout)[0]["n_added"]
    assert n_added == {"photos": 2, "people.csv": 1, "00000.tar": 1, "downloaded": 1,
                       "imagefolder": 1, "embeddings": 2, "strangers": 1}  # fmt: skip
    space = nb.open_space(place / "my.space")
    counts = dict(zip(*space.table(["name", "n_images"]).to_pydict().values(), strict=True))
    assert counts == {"Vicki": 3, "Winona": 2, "Roger": 3, "Ann Lee": 1}
    codes = re.findall(r"^```python\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
    assert len(codes) == 2
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        for code in codes:
            exec(code, {"space": space})
