"""The floors of docs/architecture.md, held by reading imports with `ast`."""

from __future__ import annotations

import ast
import functools
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import networkx as nx
import pytest

PACKAGE = Path(__file__).parents[1] / "namebasis"
GROUND = {
    "_version", "atomic", "checks", "compiled", "errors", "forks", "lazy", "pretrained", "reading",
    "recent", "results", "tensors", "terms", "typed_json",
}  # fmt: skip
ALLOWED = {
    "_version": set(),
    "errors": set(),
    "lazy": set(),
    "recent": set(),
    "results": {"atomic", "errors", "terms", "wording"},
    "space": {"analysis", "checks", "encoders", "namespace", "results", "studies", "validation"},
    "__main__": {"cli"},
    "terms": set(),
    "wording": set(),
    "checks": {"errors"},
    "atomic": {"errors"},
    "reading": {"errors"},
    "typed_json": {"reading"},
    "tensors": {"errors", "reading"},
    "compiled": set(),
    "forks": {"errors"},
    "pretrained": {"errors", "reading"},
    "organism": GROUND,
    "report": {"wording", *GROUND},
    "encoders": {"wording", *GROUND},
    "analysis": GROUND,
    "index": GROUND,
    "namespace": {"encoders", "analysis", "index", "wording", *GROUND},
    "studies": {"namespace", "encoders", "analysis", "index", "report", "wording", *GROUND},
    "validation": {
        "studies", "organism", "namespace", "encoders", "analysis", "index", "report", "wording",
        *GROUND,
    },
    "formation": {
        "studies", "namespace", "encoders", "analysis", "report", "organism", "wording", *GROUND,
    },
    "auditing": {
        "space", "studies", "namespace", "encoders", "analysis", "organism", "report", "wording",
        *GROUND,
    },
    "explore": {
        "auditing", "space", "validation", "studies", "namespace", "encoders", "analysis", "report",
        "wording", *GROUND,
    },
    "cli": {
        "explore", "auditing", "space", "validation", "formation", "studies", "namespace",
        "encoders", "analysis", "index", "report", "organism", "wording", *GROUND,
    },
}  # fmt: skip

MAX_MODULES = 20
"""Beside each other in one folder, before it gets rooms of its own."""
MIN_LINES = 60
"""Of a module with one importer, unless it is a thought of its own."""
ALONE = {
    "analysis.sparse.whitening": "a transform that is public by itself",
    "cli.commands.audit": "a command",
    "cli.commands.card": "a command",
    "cli.commands.explore": "a command",
    "explore.targets": "the grammar of the box",
    "namespace.corpus.census_1990": "one published format, known by its content",
    "report.packed": "the coding of numbers that a page's script unpacks",
    "studies.attributes.survival": "a table of life spans",
    "studies.topology.languages": "a table of languages",
}
CIRCLES: list[set[str]] = [
]  # fmt: skip
"""Those that are left; none may be added."""


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module or ""
            if node.module == "namebasis":
                yield from (f"namebasis.{alias.name}" for alias in node.names)


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_a_room_imports_only_from_floors_below(path: Path) -> None:
    own = room(path)
    if own == "__init__":
        return
    for module in imported(path):
        parts = module.split(".")
        if parts[0] != "namebasis" or len(parts) == 1 or parts[1] in {own, "__version__"}:
            continue
        assert parts[1] in ALLOWED[own], f"{own} must not import {module}"


def dotted(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__")


@functools.cache
def import_graph() -> nx.DiGraph:
    """Which module imports which; at the top, inside functions and for type checking alike."""
    names = {dotted(path): path for path in modules()}
    graph = nx.DiGraph()
    graph.add_nodes_from(names)
    for own, path in names.items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                wanted = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                module = node.module or ""
                full = [f"{module}.{alias.name}" for alias in node.names]
                wanted = [
                    name if name.removeprefix("namebasis.") in names else module for name in full
                ]
            else:
                continue
            found = {
                "__init__" if name == "namebasis" else name.removeprefix("namebasis.")
                for name in wanted
                if name.split(".")[0] == "namebasis"
            }
            graph.add_edges_from((own, other) for other in (found & set(names)) - {own})
    return graph


def test_no_module_imports_itself_through_others() -> None:
    components = nx.strongly_connected_components(import_graph())
    circles = [set(found) for found in components if len(found) > 1]
    new = [sorted(found) for found in circles if not any(found <= known for known in CIRCLES)]
    assert new == []


def test_the_graph_sees_lazy_imports_and_those_for_type_checking() -> None:
    graph = import_graph()
    assert graph.has_edge("space", "namespace.building.unspelled")  # inside a method
    assert graph.has_edge("namespace.store.provenance", "encoders.base")  # for type checking
    assert graph.has_edge("namespace.store.provenance", "_version")
    assert graph.has_edge("cli.application", "__init__")


def test_no_folder_holds_more_modules_than_one_can_look_over() -> None:
    folders = {path.parent for path in modules()}
    sizes = {
        str(folder.relative_to(PACKAGE)): len(
            [path for path in folder.glob("*.py") if path.name != "__init__.py"]
        )
        for folder in folders
    }
    assert {name: size for name, size in sizes.items() if size > MAX_MODULES} == {}


def test_a_small_module_with_one_importer_is_merged_into_it() -> None:
    graph = import_graph()
    small = {
        dotted(path)
        for path in modules()
        if path.name != "__init__.py"
        and graph.in_degree(dotted(path)) == 1
        and len(path.read_text(encoding="utf-8").splitlines()) < MIN_LINES
    }
    assert small - set(ALONE) == set()


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_only_the_command_line_prints(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    calls = {
        node.func.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    assert room(path) == "cli" or "print" not in calls


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_library_code_holds_no_assert(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert not [node.lineno for node in ast.walk(tree) if isinstance(node, ast.Assert)]


HEAVY = {
    "torch", "torchvision", "faiss", "lance", "scipy", "sklearn", "transformers", "diffusers",
    "open_clip", "pandas", "matplotlib", "bokeh", "numba", "umap", "hdbscan", "gudhi", "ray",
}  # fmt: skip
DERIVES = {PACKAGE / "organism/painter/model.py"}
"""What derives from a class of a heavy library."""


def test_heavy_libraries_are_imported_where_they_are_used() -> None:
    # Else a wrong option would be refused seconds later than it could be.
    found = {
        f"{path.relative_to(PACKAGE)}: {name}"
        for path in set(PACKAGE.rglob("*.py")) - DERIVES
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
        for name in [alias.name if isinstance(node, ast.Import) else node.module or ""]
        if name.partition(".")[0] in HEAVY
    }
    assert found == set()


def test_importing_the_package_loads_nothing_heavy() -> None:
    code = (
        "import sys, namebasis, namebasis.cli;"
        "print([m for m in ('torch','faiss','lance','pyarrow','transformers','sklearn','numpy')"
        " if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_waiting_threads_sleep_and_telemetry_is_off() -> None:
    code = (
        "import os, namebasis;"
        "print(os.environ['OMP_WAIT_POLICY'], os.environ['HF_HUB_DISABLE_TELEMETRY'])"
    )
    clean = {"PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=clean
    )
    assert done.stdout.split() == ["PASSIVE", "1"]


def test_what_the_readme_calls_is_reached_from_the_package_alone() -> None:
    """In a process of its own: elsewhere another test may have imported the module."""
    readme = (PACKAGE.parent / "README.md").read_text(encoding="utf-8")
    paths = sorted(set(re.findall(r"\bnb\.[a-z_.]+[a-z_]", readme)))
    code = f"import namebasis as nb\nfor path in {paths}: eval(path)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert {"nb.build_space", "nb.formation.formation"} <= set(paths)


def test_a_fresh_process_finds_in_each_room_what_its_dir_lists() -> None:
    """The three pillars and the store give their public functions by name alone."""
    code = (
        "import namebasis as nb\n"
        "for room in (nb.index, nb.encoders, nb.namespace, nb.analysis):\n"
        "    names = dir(room)\n"
        "    for name in names: getattr(room, name)\n"
        "    print(*names)\n"
        "    try: room.no_such_name\n"
        "    except AttributeError as error: assert 'no_such_name' in str(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    index, encoders, namespace, analysis = (line.split() for line in done.stdout.splitlines())
    assert {"VectorIndex"} <= set(index)
    assert {"load_encoder", "Encoder", "encode_image_files"} <= set(encoders)
    assert {"read_names", "pseudo_names", "label_images", "Provenance"} <= set(namespace)
    assert {"sparse_code", "cluster", "knn_graph"} <= set(analysis)


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_models_are_read_in_one_place(path: Path) -> None:
    """Elsewhere a library might run a folder's code, or ask for it on the terminal."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    calls = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
    named = {call.attr for call in calls if isinstance(call, ast.Attribute)}
    # pydantic's function of the same name makes a class of fields; a bare name can only be that.
    froms = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    harmless = {one.name for node in froms if node.module == "pydantic" for one in node.names}
    named |= {call.id for call in calls if isinstance(call, ast.Name)} - harmless
    direct = {"from_pretrained", "from_config", "pipeline", "load_custom_generate", "input"}
    assert room(path) == "pretrained" or not named & direct
    if named & {"create_model", "get_tokenizer"}:
        is_careful = path.parent.name == "open_clip" or path.name == "tagger.py"
        assert is_careful  # without_code; by timm's own names
