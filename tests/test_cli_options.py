"""Every option that cannot work is refused before a model loads or the work begins."""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import namebasis
from tests.test_cli import run

VICKI = "a senior lady"
REFUSED: dict[str, list[tuple[str, str]]] = {
    "nearest s.space 'a senior lady'": [
        ("-k 0", "k must be an integer, at least 1; got 0"),
        ("--view txt", "one of text, token; got 'txt'. Did you mean 'text'?"),
        ("--view image", "one of text, token; got 'image'"),
        ("--where 'sex = 1'", "write gender"),
        ("--as nmae", "--as must be name or text; got 'nmae'. Did you mean 'name'?"),
        ("--plus ''", "must not be empty"),
        ("--minus ''", "must not be empty"),
        ("--vector wide.npy", "must have 384 columns; got 5"),
        ("--vector none.npy", "--vector none.npy cannot be read"),
        ("--image none.png", "none.png"),
        ("--image face.png", "minilm does not read images"),
        ("--image face.png --view token", "no vector in the token view"),
        ("--pictures", "s.space holds no pictures of names; add some: namebasis add"),
        ("--pictures --view token", "compared with the views text and image; got 'token'"),
        ("--html new.html", "--html and --open show pictures; they need --pictures"),
    ],
    "basis s.space 'a senior lady'": [
        ("-n 0", "--n-names must be an integer, at least 1; got 0"),
        ("-n 99", "only 12 names can be used"),
        ("--view txt", "got 'txt'. Did you mean 'text'?"),
        ("--where 'sex = 1'", "write gender"),
        ("--as nmae", "--as must be name or text"),
        ("--method opm", "method must be one of omp, lasso; got 'opm'"),
        ("--ridge 0", "--ridge must be"),
        ("--ridge -1", "--ridge must be"),
        ("--max-family -1", "--max-family must be"),
        ("--n-null 1", "--n-null must be 0 or at least 2"),
        ("--n-null -1", "--n-null must be an integer, at least 0"),
        ("--n-resamples -1", "--n-resamples must be an integer, at least 0"),
        ("--seed -1", "--seed must be at least 0; got -1"),
        ("--minus ''", "must not be empty"),
        ("--image face.png", "minilm does not read images"),
        ("--vector wide.npy", "must have 384 columns; got 5"),
        ("--method lasso --signed", "lasso"),
    ],
    "paint s.space 'a senior lady'": [
        ("-n 0", "--n-names must be an integer, at least 1; got 0"),
        ("--syntax auto1111", "--syntax must be one of plain, a1111"),
        ("--template 'a photo'", "needs {names}"),
        ("--template '{names} {agee}'", "unknown slot {agee}"),
        ("--max-tokens 0", "--max-tokens must be an integer, at least 1; got 0"),
        ("--where 'sex = 1'", "write gender"),
        ("--as nmae", "--as must be name or text"),
        ("--beam 0", "--beam must be an integer, at least 1"),
        ("--candidates 1", "--candidates must be an integer, at least 4"),
        (
            "-n 13 --syntax a1111-alternate",
            "--n-names must be at most 12 in syntax a1111-alternate",
        ),
        ("--negative --with-negative", "give one of them"),
        ("--syntax a1111 --workflow w.json", "a workflow is ComfyUI's, of syntax plain, comfyui"),
        ("--workflow n.csv", "n.csv already exists"),
        ("--workflow none/w.json", "none"),
        ("--alternatives 0", "--alternatives must be an integer, at least 1"),
        ("--image face.png", "minilm does not read images"),
        ("--vector wide.npy", "must have 384 columns; got 5"),
        ("--seed -1", "--seed must be at least 0"),
    ],
    "walk s.space age": [
        ("--steps 1", "--steps must be an integer, at least 2; got 1"),
        ("--span 0", "--span must be above 0"),
        ("-k 0", "-k must be an integer, at least 1; got 0"),
        ("--view txt", "got 'txt'. Did you mean 'text'?"),
        ("--where 'sex = 1'", "write gender"),
        ("--as nmae", "--as must be name or text"),
        ("--to ''", "must not be empty"),
        ("--components none.safetensors", "none.safetensors"),
        ("--components wide.npy", "wide.npy"),
    ],
    "walk s.space agee": [("", "ALONG must be the number of a component, an axis (")],
    "walk s.space agee --save c.safetensors": [("", "ALONG must be the number of a component")],
    "walk s.space region": [("", "axis 'region' is nominal")],
    "walk s.space none.toml": [("", "none.toml")],
    "walk s.space 0": [("", "must be an integer, at least 1; got 0")],
    "anchors s.space": [
        ("-n 0", "--n-names must be an integer, at least 1; got 0"),
        ("-n 99", "needs more than --n-names = 99 names; there are 12"),
        ("--view txt", "got 'txt'. Did you mean 'text'?"),
        ("--where 'sex = 1'", "write gender"),
    ],
    "select s.space": [
        ("-n 0", "--n-names must be an integer, at least 1; got 0"),
        ("-n 99", "--n-names must be at most 12, as many as differ; got 99"),
        ("--objective covr", "got 'covr'. Did you mean 'cover'?"),
        ("--view txt", "got 'txt'. Did you mean 'text'?"),
        ("--where 'sex = 1'", "write gender"),
        ("--of 'sex = 1'", "write gender"),
        ("--max-tokens 0", "--max-tokens must be an integer, at least 1; got 0"),
        ("--max-per locle=2", "has no column 'locle'. Did you mean 'locale'?"),
        ("--max-per locale=0", "locale must be an integer, at least 1; got 0"),
        ("--max-per locale", "must be COLUMN=N, such as locale=5; got 'locale'"),
        ("--max-per locale=1 --max-per locale=2", "locale comes twice"),
        ("--max-per template_spread=2", "holds float, no labels"),
        ("--not-famous", "run `namebasis rigidity SPACE --write`"),
        ("--axis age", "axes go with objective axes, strong, low-bias; cover takes none"),
        ("--objective axes --axis agee", "no axis 'agee'"),
        ("--objective axes --axis age=1", "age is cut in 2 to 12 levels, such as age=4"),
        ("--objective axes --axis region=Afrika", "no value 'Afrika'"),
        ("--objective axes --axis region=Africa", "region needs at least 2 different values"),
        ("--objective axes --axis age --axis age=3", "age comes twice; give it once"),
        ("--objective axes --view token", "--view must be text for objective axes"),
        ("--objective axes --of 'id > 1'", "of goes with cover"),
        ("--quota old=1", "quotas go with axes and strong; objective cover has no cells"),
        ("--objective axes --quota old", "must be LEVELS=N, such as old/feminine=20; got 'old'"),
        ("--keep Vicky", "'Vicky' is not in"),
        ("--keep Vicki --deny vicki", "both name Vicki; take one of them"),
        ("--keep Vicki --budget 0", "--budget must be an integer, at least 1; got 0"),
        (
            "-n 1 --keep Vicki --keep Winona",
            "--n-names must be at least 2, the names to keep; got 1",
        ),
        ("--columns sex", "it has no 'sex'"),
        ("--seed -1", "--seed must be at least 0"),
    ],
    "entropy s.space": [
        ("--by sex", "no column 'sex'"),
        ("--by locales", "does not hold labels"),
        ("--where 'sex = 1'", "write gender"),
        ("--view txt", "got 'txt'. Did you mean 'text'?"),
        ("--method exakt", "method must be one of auto, exact, stochastic, sparse; got 'exakt'"),
        ("--bandwidth 0", "--bandwidth must be"),
        ("-t 0", "-t must be"),
        ("--n-null 1", "--n-null must be 0"),
        ("--seed -1", "--seed must be at least 0"),
    ],
    "topology s.space": [
        ("--by sex", "no column 'sex'"),
        ("--where 'sex = 1'", "write gender"),
        ("--view txt", "got 'txt'. Did you mean 'text'?"),
        ("--method densty", "'densty'. Did you mean 'density'?"),
        ("-k 0", "-k must be"),
        ("--min-cluster-size 1", "--min-cluster-size must be"),
        ("--n-clusters 0", "--n-clusters must be"),
        ("--level lef", "level must be"),
        ("--n-resamples -1", "--n-resamples must be"),
        ("--seed -1", "--seed must be at least 0"),
        ("--compare none.space", "none.space"),
        ("--compare-view text", "belongs to --compare"),
    ],
    "card s.space Vicki --deep": [
        ("-k 0", "-k must be"),
        ("--view txt", "got 'txt'. Did you mean 'text'?"),
        ("--seed -1", "--seed must be at least 0"),
    ],
    "card s.space Vickii": [("", "Near spellings stored: Vicki")],
    "score s.space": [
        ("--axis agee", "Did you mean 'age'?"),
        ("--axis none.toml", "none.toml"),
        ("--where 'sex = 1'", "write gender"),
        ("--records none", "none"),
        ("--records ssa:none.zip", "none.zip"),
        ("--groups sex", "no column 'sex'"),
        ("--groups none.toml", "none.toml"),
        ("--seed -1", "--seed must be at least 0"),
        ("Vickii", "Near spellings stored: Vicki"),
    ],
    "identity s.space 'Vicki Winona'": [
        ("--n-swaps 5", "--n-swaps must be an integer, at least 6; got 5"),
        ("--n-made-up 19", "--n-made-up must be an integer, at least 20; got 19"),
        ("--seed -1", "--seed must be at least 0"),
        ("--contexts none.toml", "none.toml"),
        ("--thresholds none.toml", "none.toml"),
        ("--thresholds n.csv", "n.csv"),
        ("--names none.txt", "none.txt"),
        ("--names n.csv --column nmae", "no column 'nmae'"),
        ("--counts none.csv", "none.csv"),
        ("--counts n.csv", "count"),
        ("--counts c.csv --measure own_scroe", "Did you mean 'own_score'?"),
        ("--rigidity --no-contexts", "leave --no-contexts out"),
        ("--figure f.gif", ".png or .svg"),
        ("--figure none/f.png", "none"),
        ("--figure face.png", "face.png already exists"),
    ],
    "rigidity s.space Vicki": [
        ("--n-made-up 1", "--n-made-up must be an integer, at least"),
        ("--seed -1", "--seed must be at least 0"),
        ("--contexts none.toml", "none.toml"),
        ("--names none.txt", "none.txt"),
        ("--where \"gender = 'F'\"", "not both"),
    ],
    "rigidity s.space": [
        ("--where 'sex = 1'", "write gender"),
        ("--where \"gender = 'X'\"", "no name to measure"),
    ],
    "formation run": [
        ("--n-made-up 19", "--n-made-up must be an integer, at least 20; got 19"),
        ("--n-swaps 11", "--n-swaps must be an integer, at least 12; got 11"),
        ("--n-resamples 19", "--n-resamples must be an integer, at least 20; got 19"),
        ("--seed -1", "--seed must be at least 0"),
        ("--names none.txt", "none.txt"),
        ("--names n.csv --column nmae", "no column 'nmae'"),
        ("--contexts none.toml", "none.toml"),
        ("--template portrait", "{}"),
        ("--trace Vicki", "give --html FILE"),
        ("--html none/f.html", "none"),
        ("--html face.png", "face.png already exists"),
        ("--cache n.csv", "n.csv"),
        ("", "run"),
    ],
    "formation none": [("", "none")],
    "trace minilm Vicki": [
        ("--kind residul", "Did you mean 'residual'?"),
        ("--target poold", "Did you mean 'pooled'?"),
        ("--template portrait", "{}"),
        ("--n-samples 0", "--n-samples must be"),
        ("--noise 0", "--noise must be"),
        ("--window 0", "--window must be"),
        ("--n-null -1", "--n-null must be"),
        ("--seed -1", "--seed must be at least 0"),
        ("--truth none.json", "none.json"),
        ("--html none/f.html", "none"),
    ],
    "weights organism": [
        ("'Vicki Stone' --target owm", "Did you mean 'own'?"),
        ("'Vicki Stone' --template portrait", "{}"),
        ("'Vicki Stone' --n-swaps 11", "--n-swaps must be an integer, at least 12; got 11"),
        ("'Vicki Stone' --n-null 19", "--n-null must be an integer, at least 20; got 19"),
        ("'Vicki Stone' --seed -1", "--seed must be at least 0"),
        ("'Vicki Stone' --truth none.json", "none.json"),
        ("Vicki", "'Vicki' has no own direction: one part only"),
        ("", "no names: give full names"),
    ],
    "validate generate s.space new Vicki --pipeline organism": [
        ("-n 0", "--n-images must be an integer, at least 1; got 0"),
        ("--template portrait", "{}"),
        ("--where \"gender = 'F'\"", "not both"),
        ("--n-made-up -1", "--n-made-up must be"),
        ("--steps 0", "--steps must be"),
        ("--size 0", "--size must be"),
        ("--batch-size 0", "--batch-size must be an integer, at least 1; got 0"),
        ("--seed -1", "--seed must be at least 0"),
        ("--dtype float8", "--dtype must be"),
    ],
    "validate generate s.space new": [
        ("--pipeline orgnism", "Did you mean 'organism'?"),
        ("--pipeline organism --where 'sex = 1'", "write gender"),
        ("--pipeline organism --where \"gender = 'X'\"", "X"),
    ],
    "validate generate s.space n.csv Vicki --pipeline organism": [("", "n.csv")],
    "validate report s.space pictures --extractor skin": [
        ("--n-resamples 19", "--n-resamples must be an integer, at least 20; got 19"),
        ("--seed -1", "--seed must be at least 0"),
        ("--batch-size 0", "--batch-size must be an integer, at least 1; got 0"),
        ("--extractor zeroshot:minilm", "Did you mean zero-shot?"),
        ("--extractor zero-shot:minilm --axis agee", "Did you mean 'age'?"),
        ("--axis agee", "Did you mean 'age'?"),
        ("--axis none.toml", "none.toml"),
        ("--extractor probe:none.safetensors", "none.safetensors"),
        ("--extractor onnx:none.toml", "none.toml"),
        ("--extractor onnx:swinface", "swinface=FILE.onnx"),
        ("--faces none.toml", "none.toml"),
        ("--faces yunet", "yunet=FILE.onnx"),
        ("--html none/f.html", "none"),
        ("--html face.png", "face.png already exists"),
    ],
    "validate report s.space none --extractor skin": [("", "none")],
    "validate train-probe p.safetensors --axis hair_length --encoder minilm --folder new "
    "--pipeline organism": [
        ("--n-names 7", "--n-names must be an integer, at least 8; got 7"),
        ("-n 0", "--n-images must be an integer, at least 1; got 0"),
        ("--axis hair_lenght", "Did you mean 'hair_length'?"),
        ("--axis none.toml", "none.toml"),
        ("--steps 0", "--steps must be"),
        ("--size 0", "--size must be"),
        ("--batch-size 0", "--batch-size must be"),
        ("--seed -1", "--seed must be at least 0"),
        ("--pipeline orgnism", "Did you mean 'organism'?"),
        ("--folder n.csv", "n.csv"),
    ],
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A space of twelve names and some files."""
    where = tmp_path_factory.mktemp("options")
    rows = [f"Nam{letter},M,de_DE" for letter in "abcdefghij"]
    listed = ["name,gender,locales", "Vicki,F,is_IS", "Winona,F,en_US", *rows]
    (where / "n.csv").write_text("\n".join(listed))
    done = run("build", "s.space", "n.csv", "--templates", "plain", "-q", cwd=where)
    assert done.returncode == 0, done.stderr
    np.save(where / "wide.npy", np.ones((1, 5), np.float32))
    Image.new("RGB", (8, 8)).save(where / "face.png")
    (where / "c.csv").write_text("name,count\nVicki Winona,5\n")
    (where / "pictures" / "Vicki").mkdir(parents=True)
    Image.new("RGB", (8, 8)).save(where / "pictures" / "Vicki" / "1.png")
    (where / "run" / "step-000001").mkdir(parents=True)
    return where


@pytest.fixture
def forbidden(monkeypatch: pytest.MonkeyPatch) -> None:
    """No model may load, and nothing that takes long may begin."""

    # What is loaded while a function is replaced would keep the other one for all later tests.
    for package in (namebasis.studies, namebasis.formation, namebasis.validation):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)

    def refuse(*_: object, **__: object) -> Any:
        raise AssertionError("the work began")

    for what in (
        "encoders.registry.load_encoder", "namespace.space.StoredSpace.encoder",
        "namespace.space.StoredSpace.graph", "analysis.sparse.codes.sparse_code",
        "analysis.sparse.components.principal_components",
        "analysis.shape.entropy.entropy_report", "formation.work.Work.run",
        "formation.tracing.load_encoder", "validation.extractors.registry.load_encoder",
        "validation.pictures.pipelines.load_pipeline", "validation.study.validate",
    ):  # fmt: skip
        monkeypatch.setattr(f"namebasis.{what}", refuse)
    for where in (
        "studies.basis.components.principal_components", "studies.basis.anchors.code_by_others",
    ):  # fmt: skip
        monkeypatch.setattr(f"namebasis.{where}", refuse)


CASES = [(command, option, said) for command, some in REFUSED.items() for option, said in some]


@pytest.mark.parametrize(("command", "option", "said"), CASES)
@pytest.mark.usefixtures("forbidden")
def test_what_cannot_work_is_refused_before_the_work(
    command: str, option: str, said: str, place: Path
) -> None:
    import shlex

    before = sorted(one.name for one in place.iterdir())
    done = run(*shlex.split(f"{command} {option}"), cwd=place)
    assert done.returncode in (1, 2), done.stderr
    told = " ".join(done.stderr.replace("│", " ").split())
    assert said in told, told
    assert "work began" not in told
    assert sorted(one.name for one in place.iterdir()) == before
