"""Checks of the project itself: the direction of imports, what the documents name and link, generated pages."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("modelyard", "gateway", "converters", "backends")
# Who may import whom among our packages; `modelyard.cli` alone reaches the others, inside functions.
ALLOWED = {"modelyard": set(), "gateway": {"modelyard"}, "converters": {"modelyard"}, "backends": set()}
PAGES = {
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "demo/README.md",
    *(str(path.relative_to(ROOT)) for path in ROOT.glob("docs/**/*.md")),
}
SIBLINGS = ("gateway.dialects", "gateway.prompting", "gateway.engine", "gateway.admission", "gateway.health")


def _sources() -> list[Path]:
    return [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]


def _module(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imports(tree: ast.AST, *, top_level_only: bool = False) -> set[str]:
    nodes = ast.iter_child_nodes(tree) if top_level_only else ast.walk(tree)
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("path", _sources(), ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_downward(path: Path) -> None:
    module, package = _module(path), path.relative_to(ROOT).parts[0]
    lazy = module.startswith("modelyard.cli")
    imported = _imports(ast.parse(path.read_text()), top_level_only=lazy)
    others = {name.split(".")[0] for name in imported} & (set(PACKAGES) - {package})
    assert others <= ALLOWED[package]


@pytest.mark.parametrize("path", sorted((ROOT / "gateway").rglob("*.py")), ids=lambda path: path.stem)
def test_siblings_of_the_gateway_do_not_know_each_other(path: Path) -> None:
    module = _module(path)
    own = next((name for name in SIBLINGS if module == name or module.startswith(f"{name}.")), None)
    imported = _imports(ast.parse(path.read_text()))
    if own is not None:
        for other in (*SIBLINGS, "gateway.answering", "gateway.app"):
            if other != own:
                assert not any(name == other or name.startswith(f"{other}.") for name in imported), (module, other)
    if module != "gateway.app":
        assert "gateway.app" not in imported


def test_there_is_no_cycle_of_imports() -> None:
    modules = {_module(path): path for path in _sources()}
    graph = {
        name: {found for found in _imports(ast.parse(path.read_text()), top_level_only=True) if found in modules}
        - {name}
        for name, path in modules.items()
    }
    state: dict[str, int] = {}

    def visit(name: str, trail: tuple[str, ...]) -> None:
        if state.get(name) == 1:
            pytest.fail(" -> ".join((*trail, name)))
        if state.get(name) is None:
            state[name] = 1
            for other in graph[name]:
                visit(other, (*trail, name))
            state[name] = 2

    for name in graph:
        visit(name, ())


def test_the_command_line_starts_without_heavy_imports() -> None:
    heavy = ("torch", "fastapi", "grpc", "openvino")
    code = f"import sys, modelyard.cli.main; print(*[m for m in {heavy} if m in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert shown.stdout.strip() == ""


def test_the_gateway_needs_no_conversion_libraries() -> None:
    code = "import sys, gateway.app; print(*[m for m in ('torch', 'transformers', 'openvino') if m in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert shown.stdout.strip() == ""


@pytest.mark.parametrize("page", sorted(PAGES))
def test_every_make_target_that_a_page_names_exists(page: str) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.M))
    named = set(re.findall(r"(?:^|`)make ([a-z-]+)", (ROOT / page).read_text(), flags=re.M))
    assert named <= targets


@pytest.mark.parametrize("page", sorted(PAGES))
def test_every_link_of_a_page_leads_somewhere(page: str) -> None:
    broken = [
        link
        for link, target, part in _links(page)
        if not target.exists() or (part and part not in _headings(target.read_text()))
    ]
    assert broken == []


def test_every_page_is_found_from_the_readme() -> None:
    found, ahead = {"README.md"}, ["README.md"]
    while ahead:
        targets = {str(target.relative_to(ROOT)) for _, target, _ in _links(ahead.pop())}
        new = (targets & PAGES) - found
        found |= new
        ahead += new
    assert PAGES - found == set()


def _links(page: str) -> list[tuple[str, Path, str]]:
    """The links of a page to files of this project: as written, the file, and the heading in it."""
    own = (ROOT / page).resolve()
    found = []
    for link in re.findall(r"\]\(([^)\s]+)\)", _without_code((ROOT / page).read_text())):
        if not re.match(r"[a-z]+:", link):
            name, _, part = link.partition("#")
            found.append((link, (own.parent / name).resolve() if name else own, part))
    return found


def _headings(text: str) -> set[str]:
    """The anchors that GitHub makes of a page's headings."""
    titles = re.findall(r"^#+ (.+)$", _without_code(text), flags=re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def _without_code(text: str) -> str:
    return re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S)


def test_the_page_of_settings_agrees_with_the_settings() -> None:
    printed = subprocess.run(
        [sys.executable, "scripts/settings_page.py"], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert (ROOT / "docs/settings.md").read_text() == printed.stdout


def test_every_requirement_is_pinned() -> None:
    for lock in ("gateway", "engine", "convert", "dev", "deploy", "ansible"):
        lines = (ROOT / "requirements" / f"{lock}.txt").read_text().splitlines()
        wishes = [line for line in lines if line and not line.startswith((" ", "#"))]
        assert wishes
        assert all("==" in wish for wish in wishes), [wish for wish in wishes if "==" not in wish]


@pytest.mark.parametrize(("program", "pattern"), [("yamllint", "*.y*ml"), ("hadolint", "Dockerfile")])
def test_every_file_is_shown_to_its_linter(program: str, pattern: str) -> None:
    """Helm's templates are none of it: they are YAML once they are rendered, and tests read that."""
    said = subprocess.run(["make", "--dry-run", "lint"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    words = [word for line in said.splitlines() if f"/{program} " in line for word in line.split()[1:]]
    shown = {path for word in words if not word.startswith(("-", "/")) for path in ROOT.glob(word)}
    files = {path for top in ("ansible", "deploy", "tests") for path in (ROOT / top).rglob(pattern)}
    linted = {path for path in files if not {"templates", ".ansible", "node_modules"} & set(path.parts)}
    assert len(linted) > 5
    assert {str(path.relative_to(ROOT)) for path in linted if not {path, *path.parents} & shown} == set()
