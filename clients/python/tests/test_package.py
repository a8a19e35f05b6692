"""What is packed: the modules, their types, and the licence; and that importing takes nothing but Python."""

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

from hatchling.build import build_sdist, build_wheel

import clip_pg

ROOT = Path(__file__).parents[1]


def test_packed(tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    with zipfile.ZipFile(tmp_path / build_wheel(str(tmp_path))) as wheel:
        packed = set(wheel.namelist())
    modules = {str(path.relative_to(ROOT)) for path in (ROOT / "clip_pg").rglob("*.py")}
    assert modules | {"clip_pg/py.typed"} <= packed
    assert {name for name in packed if not name.startswith("clip_pg/")} == {
        f"clip_pg-{clip_pg.__version__}.dist-info/{name}"
        for name in ("METADATA", "WHEEL", "RECORD", "licenses/LICENSE")
    }
    with tarfile.open(tmp_path / build_sdist(str(tmp_path))) as source:
        assert f"clip_pg-{clip_pg.__version__}/tests/test_package.py" in source.getnames()


def test_stands_on_python_alone():
    code = "import sys, clip_pg; print(*[m for m in sys.modules if m in ('numpy', 'psycopg', 'sqlalchemy', 'django')])"
    done = subprocess.run([sys.executable, "-B", "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "\n"


def test_licence_is_the_projects():
    assert (ROOT / "LICENSE").read_bytes() == (ROOT.parents[1] / "LICENSE").read_bytes()
