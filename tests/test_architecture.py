"""Rules of the tree that no other tool keeps. Import directions are import-linter's."""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import typer
from packaging.requirements import Requirement
from typer.core import TyperGroup
from typer.main import get_command

from app.telephony.registry import kinds
from connectors.sdk.form import form_problems

ROOT = Path(__file__).parents[1]
PYTHON_FOLDERS = ("app", "connectors", "tests", "bench")
LINE_LIMIT = 400

# Calls whose first argument is SQL.
SQL_CALLS = {"text", "execute", "executemany", "executescript", "exec_driver_sql"}
SQL_CALLS |= {"fetch", "fetchrow", "fetchval", "prepare", "cursor"}
HTTP_CLIENTS = {"aiohttp", "httpx", "httpx_aiohttp", "requests", "urllib3"}


def python_files(*folders: str) -> Iterator[Path]:
    for folder in folders:
        yield from (p for p in (ROOT / folder).rglob("*.py") if "node_modules" not in p.parts)


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


def nodes(*folders: str) -> Iterator[tuple[str, ast.AST]]:
    """Yield every syntax node of the folders with `file:line` for the report."""
    for path in python_files(*folders):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            yield f"{shown(path)}:{getattr(node, 'lineno', 0)}", node


def project_files() -> list[Path]:
    """List what is committed, and what would be."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    return [path for name in listed.stdout.splitlines() if (path := ROOT / name).is_file()]


def documentation() -> str:
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    return "\n".join(page.read_text(encoding="utf-8") for page in pages)


def test_no_file_is_longer_than_the_limit() -> None:
    sources = [*python_files(*PYTHON_FOLDERS)]
    sources += [p for p in (ROOT / "screenpop_ui/src").rglob("*") if p.suffix in (".ts", ".tsx")]
    sources += (ROOT / "screenpop_ui/src").rglob("*.css")
    lengths = {shown(p): len(p.read_text(encoding="utf-8").splitlines()) for p in sources}
    assert {path: n for path, n in lengths.items() if n > LINE_LIMIT} == {}


def test_the_migrations_do_not_shadow_the_library() -> None:
    assert not (ROOT / "alembic/__init__.py").exists()


def test_every_setting_is_documented() -> None:
    from app.settings import Settings

    names = [f"SCREENPOP_{field.upper()}" for field in Settings.model_fields]
    text = documentation()
    assert [name for name in names if name not in text] == []


def test_every_command_is_documented() -> None:
    import app.cli

    program = next(v for v in vars(app.cli).values() if isinstance(v, typer.Typer))
    text = " ".join(documentation().split())
    assert [name for name in command_names(get_command(program)) if name not in text] == []


def command_names(command: object, name: str = "screenpop") -> Iterator[str]:
    if isinstance(command, TyperGroup):
        for child, under in command.commands.items():
            yield from command_names(under, f"{name} {child}")
    else:
        yield name


def test_every_connector_keeps_the_contract() -> None:
    kinds = {p.stem for p in (ROOT / "connectors").glob("[!_]*.py")} - {"registry"}
    untested = []
    for kind in sorted(kinds):
        test = ROOT / f"tests/connectors/test_{kind}.py"
        if not test.exists() or "ConnectorContract" not in test.read_text(encoding="utf-8"):
            untested.append(kind)
    assert untested == []


def test_every_phone_system_has_its_test() -> None:
    modules = {system.__module__.rpartition(".")[2] for system in kinds().values()}
    assert modules
    tested = {path.stem.removeprefix("test_") for path in (ROOT / "tests/telephony").glob("*.py")}
    assert modules - tested == set()


def test_the_settings_of_every_phone_system_can_be_drawn_as_a_form() -> None:
    problems = {k: form_problems(s.Config.model_json_schema()) for k, s in kinds().items()}
    assert {kind: found for kind, found in problems.items() if found} == {}


def test_certificates_are_always_verified() -> None:
    switched_off = [
        where
        for where, node in nodes("app", "connectors", "bench")
        if (
            isinstance(node, ast.keyword)
            and node.arg in ("verify", "verify_ssl", "check_hostname")
            and isinstance(node.value, ast.Constant)
            and node.value.value is False
        )
        or (isinstance(node, ast.Attribute) and node.attr == "CERT_NONE")
        or (isinstance(node, ast.Attribute) and node.attr == "_create_unverified_context")
    ]
    assert switched_off == []


def test_sql_is_never_put_together_from_values() -> None:
    """A line that must names its reason beside ruff's own exception: `# noqa: S608 why`."""
    built = [where for where, node in nodes("app", "connectors", "alembic") if is_built_sql(node)]
    assert [where for where in built if not re.search(r"# noqa: S608 \w", line_at(where))] == []


def line_at(where: str) -> str:
    path, _, line = where.rpartition(":")
    return (ROOT / path).read_text(encoding="utf-8").splitlines()[int(line) - 1]


def is_built_sql(node: ast.AST) -> bool:
    if not (isinstance(node, ast.Call) and node.args):
        return False
    called = node.func
    name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
    return name in SQL_CALLS and is_built_text(node.args[0])


def is_built_text(node: ast.AST) -> bool:
    if isinstance(node, ast.JoinedStr):
        # No database binds a parameter in these.
        setting = ast.unparse(node.values[0]).startswith(("'PRAGMA ", "'SET "))
        return not setting and any(isinstance(part, ast.FormattedValue) for part in node.values)
    if isinstance(node, ast.BinOp):
        texts = (ast.JoinedStr, ast.Constant)
        return isinstance(node.left, texts) or isinstance(node.right, texts)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return node.func.attr == "format" and isinstance(node.func.value, ast.Constant)
    return False


def test_http_clients_are_made_in_one_place() -> None:
    elsewhere = [
        where
        for where, node in nodes("app", "connectors")
        if HTTP_CLIENTS & set(imported(node)) and not where.startswith("connectors/sdk/http.py:")
    ]
    assert elsewhere == []


def imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name.split(".")[0] for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        return [(node.module or "").split(".")[0]]
    return []


def test_requirements_are_pinned_by_hash_and_name_no_index() -> None:
    for path in (ROOT / "requirements").glob("*.txt"):
        text = path.read_text(encoding="utf-8").replace("\\\n", " ")
        for line in filter(None, text.splitlines()):
            assert re.match(r"[\w.-]+==[^ ]+ .*--hash=sha256:", line), f"{path.name}: {line[:80]}"
            assert "://" not in line


def test_the_pinned_requirements_are_those_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = {
        "runtime.txt": project["dependencies"],
        "dev.txt": project["dependencies"] + project["optional-dependencies"]["dev"],
    }
    for name, lines in wanted.items():
        text = (ROOT / "requirements" / name).read_text(encoding="utf-8")
        pinned = dict(re.findall(r"^([\w.-]+)==([^ ]+) ", text, re.MULTILINE))
        for requirement in map(Requirement, lines):
            version = pinned.get(re.sub(r"[-_.]+", "-", requirement.name).lower())
            fits = version is not None and requirement.specifier.contains(version)
            assert fits, f"{name} has not {requirement}: run `make lock`"


def test_npm_locks_name_no_registry() -> None:
    locks = [path for path in project_files() if path.name == "package-lock.json"]
    assert locks
    assert [shown(p) for p in locks if '"resolved": "http' in p.read_text(encoding="utf-8")] == []


def test_nothing_names_a_package_registry_or_a_folder_of_one_machine() -> None:
    host = re.compile(r"\b(pypi|pythonhosted|npmjs)\.(org|com)\b")
    folder = re.compile(r"(?<![\w.\-*}])/(root|home/\w+|Users/\w+|work|opt/pypi|opt/wheels)/")
    found = []
    for path in project_files():
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except UnicodeDecodeError:
            continue
        numbered = enumerate(lines, 1)
        found += [f"{shown(path)}:{n}" for n, s in numbered if host.search(s) or folder.search(s)]
    assert found == []
