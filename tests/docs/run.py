#!/usr/bin/env python3
"""Runs the documentation as it is printed, and looks whether what it names is there.

    tests/docs/run.py DIRECTORY [--update] [PAGE...]

libpq's environment names a server with clip_pg installed, and a superuser. DIRECTORY can be read by the server and holds
`pictures`, a folder of these with one that is cut off, `model`, that of a model, and `newspaper.jpg`.

Every block marked `sql` goes through psql, every block marked `sh` through a shell in DIRECTORY, in the order of the text;
a block marked `text` after it is what comes out. Where none is printed, no error may come. Blocks of other kinds are not
run, nor is one that stands below a line `<!-- not run: REASON -->`, nor those of a page that begins with `<!-- takes EXTENSION
-->` where the server lacks that; each of these is told.

README.md runs in a new database `library`, and every other page alone in a copy of what README.md leaves. The cookbook
runs as its readers do: all recipes one after the other in a new database, and then each alone after the first, or after
the one that it "goes on from".

With --update, what comes out replaces what is printed. PAGE, as in docs/type.md, runs only these.
"""

import subprocess
import sys
from difflib import unified_diff
from pathlib import Path

from names import problems
from page import ROOT, Page
from reader import ERROR, Reader

SOURCES = ["README.md", "CONTRIBUTING.md", "SECURITY.md", "docs/*.md"]
# Their links are looked at, but they are no documentation of the extension.
OTHERS = ["CHANGELOG.md", "examples/*/README.md", "models/*/MODEL_CARD.md"]
# What users may call or read, as the extension has it in its schema; not what only types, casts, operators and aggregates call.
NAMES = r"""
WITH members AS (
    SELECT d.classid, d.objid, e.extnamespace AS schema FROM pg_extension e
    JOIN pg_depend d ON (d.refclassid, d.refobjid) = ('pg_extension'::regclass, e.oid) WHERE e.extname = 'clip_pg'
)
SELECT p.proname FROM members m JOIN pg_proc p ON m.classid = 'pg_proc'::regclass AND p.oid = m.objid AND p.pronamespace = m.schema
WHERE obj_description(p.oid, 'pg_proc') !~ '^(I/O|implementation of|aggregate .* function|convert|adjust|hash|less-equal-greater|planner|statistics of)|handler$'
UNION
SELECT c.relname FROM members m JOIN pg_class c ON m.classid = 'pg_class'::regclass AND c.oid = m.objid AND c.relnamespace = m.schema
WHERE c.relkind IN ('r', 'v');
"""


def administer(script, database="postgres"):
    """What a script of statements answers, line by line."""
    psql = ["psql", "-qXAt", "-v", "ON_ERROR_STOP=1", database]
    return subprocess.run(psql, check=True, text=True, input=script, stdout=subprocess.PIPE).stdout.splitlines()


def roles():
    return set(administer("SELECT quote_ident(rolname) FROM pg_roles;"))


def difference(block):
    """Between what is printed and what came out; empty where they agree."""
    if block.printed is None:
        return block.output if ERROR.search(block.output) else ""
    return "".join(unified_diff(block.printed.splitlines(True), block.output.splitlines(True), "printed", "came"))


class Run:
    """Readers at work, and how many blocks came out as printed."""

    def __init__(self, directory, update):
        self.directory, self.update, self.others = directory, update, roles()
        self.passed, self.failed, self.left_out = 0, 0, set()

    def follow(self, chapter, how, first_time=True):
        reader = Reader(self.directory)
        for block in chapter.blocks:
            if block.reason:
                self.left_out.add(f"{chapter.page.name}:{block.line}: not run: {block.reason}")
                continue
            block.output = reader.run(block)
            differs = difference(block)
            right = not differs or (self.update and first_time and block.takes_output())
            self.passed += bool(right)
            self.failed += not right
            if differs:
                print(f"{chapter.page.name}:{block.line}: {chapter.title.lstrip('# ')} {how}", differs, sep="\n")
        reader.close()

    def begin(self, template=None):
        administer("CREATE DATABASE library" + (f" TEMPLATE {template};" if template else ";"))

    def clear(self):
        """Drops the database and the roles that a page has made."""
        administer("DROP DATABASE library;" + "".join(f"DROP OWNED BY {role}; DROP ROLE {role};" for role in roles() - self.others))

    def cookbook(self, page):
        first, *others = page.recipes()
        self.begin()
        self.follow(first, "in a new database")
        administer("CREATE DATABASE library_begun TEMPLATE library;")
        for recipe in others:
            self.follow(recipe, "after those before it")
        self.clear()
        if self.update:
            page.update([block for recipe in (first, *others) for block in recipe.blocks])
        else:
            for recipe in others:
                self.begin("library_begun")
                for base in (other for other in others if other.number == recipe.base):
                    self.follow(base, f"before {recipe.number}", first_time=False)
                self.follow(recipe, f"after {recipe.base or 1} alone", first_time=False)
                self.clear()
        administer("DROP DATABASE library_begun;")

    def page(self, page, template):
        chapter = page.whole()
        if page.takes and not administer(f"SELECT name FROM pg_available_extensions WHERE name = '{page.takes}';"):
            for block in chapter.blocks:
                block.reason = f"takes {page.takes}"
        self.begin(template)
        self.follow(chapter, "by itself")
        if self.update:
            page.update(chapter.blocks)


def main(directory, *options):
    chosen = [option for option in options if option != "--update"]
    pages = {path: Page(path) for source in SOURCES for path in sorted(ROOT.glob(source))}
    run = Run(Path(directory).resolve(), "--update" in options)

    readme = pages[ROOT / "README.md"]
    run.page(readme, None)
    names = administer(NAMES, "library")
    administer("CREATE DATABASE library_readme TEMPLATE library;")
    run.clear()
    for page in pages.values():
        if page is readme or (chosen and page.name not in chosen):
            continue
        if page.recipes():
            run.cookbook(page)
        else:
            run.page(page, "library_readme")
            run.clear()
    administer("DROP DATABASE library_readme;")

    documented = "\n".join(page.text for page in pages.values())
    missing = problems(pages | {path: Page(path) for other in OTHERS for path in ROOT.glob(other)})
    missing += [f"{name} is on no page" for name in names if name not in documented]
    for line in (*missing, *sorted(run.left_out)):
        print(line)
    print(f"{run.passed} blocks passed, {run.failed} failed, {len(run.left_out)} skipped")
    print(f"{len(missing)} names are wrong or missing")
    return int(run.failed + len(missing) > 0)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]) if len(sys.argv) > 1 else __doc__)
