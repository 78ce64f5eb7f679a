"""The floors of docs/architecture.md, held by reading imports with `ast`."""

from __future__ import annotations

import ast
import functools
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

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


@functools.cache
def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


class Said(NamedTuple):
    """What one module's code says, read once for all tests."""

    imports: list[ast.Import | ast.ImportFrom]
    functions: set[str]
    """What is called by a bare name."""
    methods: set[str]
    """What is called as an attribute of something."""
    asserts: list[int]
    """Their lines."""
    top: list[ast.Import | ast.ImportFrom]
    """Imports outside functions and classes."""
    n_lines: int

    def imported(self) -> list[str]:
        names = []
        for node in self.imports:
            if isinstance(node, ast.Import):
                names += [alias.name for alias in node.names]
                continue
            assert node.level == 0, f"line {node.lineno}: relative import"
            names.append(node.module or "")
            if node.module == "namebasis":
                names += [f"namebasis.{alias.name}" for alias in node.names]
        return names


@functools.cache
def said(path: Path) -> Said:
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    nodes = list(ast.walk(tree))
    calls = [node.func for node in nodes if isinstance(node, ast.Call)]
    return Said(
        imports=[node for node in nodes if isinstance(node, ast.Import | ast.ImportFrom)],
        functions={func.id for func in calls if isinstance(func, ast.Name)},
        methods={func.attr for func in calls if isinstance(func, ast.Attribute)},
        asserts=[node.lineno for node in nodes if isinstance(node, ast.Assert)],
        top=[node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)],
        n_lines=len(text.splitlines()),
    )


def short(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def test_each_room_imports_only_from_floors_below() -> None:
    up = []
    for path in modules():
        own = room(path)
        for module in said(path).imported():
            parts = module.split(".")
            if own == "__init__" or parts[0] != "namebasis" or len(parts) == 1:
                continue
            if parts[1] not in {own, "__version__"} | ALLOWED[own]:
                up.append(f"{short(path)} must not import {module}")
    assert up == []


def dotted(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__")


@functools.cache
def import_graph() -> nx.DiGraph:
    """Which module imports which; at the top, inside functions and for type checking alike."""
    names = {dotted(path): path for path in modules()}
    graph = nx.DiGraph()
    graph.add_nodes_from(names)
    for own, path in names.items():
        for node in said(path).imports:
            if isinstance(node, ast.Import):
                wanted = [alias.name for alias in node.names]
            else:
                module = node.module or ""
                full = [f"{module}.{alias.name}" for alias in node.names]
                wanted = [
                    name if name.removeprefix("namebasis.") in names else module for name in full
                ]
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
        and said(path).n_lines < MIN_LINES
    }
    assert small - set(ALONE) == set()


def test_only_the_command_line_prints() -> None:
    printing = {short(path) for path in modules() if "print" in said(path).functions}
    assert {name for name in printing if not name.startswith("cli/")} == set()
    assert printing  # and this test sees it


def test_library_code_holds_no_assert() -> None:
    assert {short(path): said(path).asserts for path in modules() if said(path).asserts} == {}


HEAVY = {
    "torch", "torchvision", "faiss", "lance", "scipy", "sklearn", "transformers", "diffusers",
    "open_clip", "pandas", "matplotlib", "bokeh", "numba", "umap", "hdbscan", "gudhi", "ray",
}  # fmt: skip
DERIVES = {PACKAGE / "organism/painter/model.py"}
"""What derives from a class of a heavy library."""


def test_heavy_libraries_are_imported_where_they_are_used() -> None:
    # Else a wrong option would be refused seconds later than it could be.
    found = {
        f"{short(path)}: {name}"
        for path in set(PACKAGE.rglob("*.py")) - DERIVES
        for node in said(path).top
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


@pytest.mark.long
def test_what_the_readme_calls_is_reached_from_the_package_alone() -> None:
    """In a process of its own: elsewhere another test may have imported the module."""
    readme = (PACKAGE.parent / "README.md").read_text(encoding="utf-8")
    paths = sorted(set(re.findall(r"\bnb\.[a-z_.]+[a-z_]", readme)))
    code = f"import namebasis as nb\nfor path in {paths}: eval(path)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert {"nb.build_space", "nb.formation.formation"} <= set(paths)


@pytest.mark.long
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


def test_models_are_read_in_one_place() -> None:
    """Elsewhere a library might run a folder's code, or ask for it on the terminal."""
    direct = {"from_pretrained", "from_config", "pipeline", "load_custom_generate", "input"}
    readers, careless = set(), set()
    for path in modules():
        # pydantic's function of the same name makes a class of fields; a bare name is only that.
        froms = [node for node in said(path).imports if isinstance(node, ast.ImportFrom)]
        harmless = {one.name for node in froms if node.module == "pydantic" for one in node.names}
        named = said(path).methods | said(path).functions - harmless
        if named & direct:
            readers.add(short(path))
        is_careful = path.parent.name == "open_clip" or path.name == "tagger.py"
        if named & {"create_model", "get_tokenizer"} and not is_careful:
            careless.add(short(path))  # without_code; by timm's own names
    assert readers == {"pretrained.py"}
    assert careless == set()
