"""Whether what pages name is there: files, headings, settings, and the other way round, whether they name what is there."""

import re
from glob import glob

from page import ROOT, Page

# Where files of the project are named by their paths, this is how these begin.
TOP = ("benches", "clients", "crates", "demo", "docs", "examples", "fuzz", "models", "scripts", "sql", "src", "tests")
FILE = re.compile(rf"(?:{'|'.join(TOP)})/[\w./*{{}},-]*")
README_BYTES = 10_000

# SQLSTATEs in the code, by the names of their conditions, that are no answer to anything a user does: those of messages,
# of the extension's own mistakes, and classes that errors of other code are told by.
OTHER_STATES = {
    "internal_error", "successful_completion", "warning",
    "triggered_action_exception", "integrity_constraint_violation", "with_check_option_violation", "plpgsql_error",
    "connection_exception", "admin_shutdown", "crash_shutdown", "cannot_connect_now",
}  # fmt: skip


def exists(pattern):
    """Whether a path is there, in which `*` stands for anything and `{a,b}` for each of some names; all of these must."""
    braces = re.search(r"\{([^{}]*)\}", pattern)
    if braces:
        return all(exists(pattern.replace(braces[0], name, 1)) for name in braces[1].split(","))
    return bool(glob(str(ROOT / pattern)))


def broken_links(page, pages):
    """Links to files that are not there, or to headings that these do not have."""
    for link in page.links():
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.path.parent / path).resolve() if path else page.path
        if not target.exists():
            yield f"{page.name}: no file for the link {link}"
        elif anchor and target.suffix == ".md":
            known = pages.get(target) or Page(target)
            if anchor not in known.anchors():
                yield f"{page.name}: no heading for the link {link}"


def settings():
    """Names of the extension's settings."""
    return set(re.findall(r'c"(clip_pg\.\w+)"', (ROOT / "src/guc.rs").read_text(encoding="utf-8")))


def states():
    """Conditions that the extension raises, in Rust and in PL/pgSQL."""
    found = set()
    for path in (ROOT / "src").rglob("*.rs"):
        found |= {name.lower() for name in re.findall(r"ERRCODE_([A-Z_]+)", path.read_text(encoding="utf-8"))}
    for path in (ROOT / "sql").glob("*.sql"):
        found |= set(re.findall(r"RAISE ([a-z_]+) USING", path.read_text(encoding="utf-8")))
    return found - OTHER_STATES


def dependencies():
    """Names of the crates of others that the workspace stands on, as it calls them."""
    cargo = (ROOT / "Cargo.toml").read_text(encoding="utf-8")
    listed = cargo.partition("[workspace.dependencies]")[2].partition("\n[")[0]
    return {"pgrx", "hnsw_rs", *re.findall(r"^([\w-]+) = ", listed, re.MULTILINE)}


def problems(pages):
    """Everything that is named and is not there, or is there and is not named where it belongs."""
    found = []
    for page in pages.values():
        found += broken_links(page, pages)
        found += [f"{page.name}: no file {name}" for name in sorted(page.names()) if FILE.fullmatch(name) and not exists(name)]

    operations = pages[ROOT / "docs/operations.md"].text
    listed = set(re.findall(r"^\| `(clip_pg\.\w+)` \|", operations, re.MULTILINE))
    found += [f"docs/operations.md: setting {name} is not listed" for name in sorted(settings() - listed)]
    found += [f"docs/operations.md: there is no setting {name}" for name in sorted(listed - settings())]

    listed = set(re.findall(r"^\| \w{5} \| `(\w+)` \|", operations, re.MULTILINE))
    found += [f"docs/operations.md: SQLSTATE {name} is not listed" for name in sorted(states() - listed)]
    found += [f"docs/operations.md: no SQLSTATE {name} is raised" for name in sorted(listed - states())]

    architecture = pages[ROOT / "docs/architecture.md"].names()
    found += [f"docs/architecture.md: dependency {name} is not listed" for name in sorted(dependencies() - architecture)]

    # The questions of CONTRIBUTING.md, each with the file that is the answer in the last column.
    questions = pages[ROOT / "CONTRIBUTING.md"].text.partition("## Ten questions")[2]
    answers = re.findall(r"^\| .*\| `([^`]+)` \|$", questions, re.MULTILINE)
    if len(answers) != 10:
        found.append(f"CONTRIBUTING.md: {len(answers)} questions with an answer, not 10")
    found += [f"docs/architecture.md: does not name {name}" for name in answers if name not in architecture]

    size = len((ROOT / "README.md").read_bytes())
    if size > README_BYTES:
        found.append(f"README.md: {size} bytes are more than {README_BYTES}")
    return found
