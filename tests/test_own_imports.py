"""Whatever imports a part of this project, also in a function that no fast test calls, finds it."""

import ast

from tests import ROOT

OURS = ("benchmarks", "examples", "launch", "recipe", "studies", "tests", "verl_patches")


def exists(module):
    path = ROOT / module.replace(".", "/")
    return path.is_dir() or path.with_suffix(".py").is_file()


def names_in(module):
    """What a module binds at its top, also in an `if` or `try`, its submodules included."""
    path = ROOT / module.replace(".", "/")
    found = {entry.stem for entry in path.iterdir()} if path.is_dir() else set()
    package = path / "__init__.py"
    file = package if package.is_file() else path.with_suffix(".py")
    left = ast.parse(file.read_text()).body if file.is_file() else []
    while left:
        node = left.pop()
        if not isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            left += ast.iter_child_nodes(node)
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            found.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            found.update((alias.asname or alias.name).partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
    return found


def missing(file):
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            wanted = [(alias.name, None) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            wanted = [(node.module, alias.name) for alias in node.names]
        else:
            continue
        for module, name in wanted:
            if module.partition(".")[0] in OURS and not (exists(module) and (name is None or name in names_in(module))):
                yield f"{file.relative_to(ROOT)}:{node.lineno}: {module} has no {name}" if name else module


def test_every_import_of_our_own_is_there():
    files = [file for room in OURS for file in sorted((ROOT / room).rglob("*.py"))]
    assert len(files) > 300
    assert [line for file in files for line in missing(file)] == []
