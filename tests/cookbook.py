#!/usr/bin/env python3
"""Runs docs/cookbook.md as it is printed.

    tests/cookbook.py FOLDER [--update]

libpq's environment names a server with clip_pg installed, and a superuser; FOLDER holds the pictures and can be read by
the server. Every block marked `sql` goes through psql, every block marked `sh` through a shell beside FOLDER, in the order
of the text; a block marked `text` after it is what comes out. Where none is printed, no error may come. Blocks of other
kinds are not run.

First all recipes run one after the other in a new database `library`, as someone reads who begins at the beginning. Then
each runs alone after the first, as someone does who came for one recipe; and where it "goes on from" another, after that.
With --update, what comes out the first time replaces what is printed.
"""

import re
import signal
import subprocess
import sys
from difflib import unified_diff
from pathlib import Path

BOOK = Path(__file__).resolve().parents[1] / "docs/cookbook.md"
RECIPE = re.compile(r"^## (?=\d)", re.MULTILINE)
BLOCK = re.compile(r"^```(sql|sh|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BASE = re.compile(r"goes on from\s+\[recipe\s+(\d+)\]")
ERROR = re.compile(r"^(?:\S+ )?(?:ERROR|FATAL|error):", re.MULTILINE)
END = "-- the end of a block --"


class Block:
    """What is run, and the printed output with its place in the book."""

    def __init__(self, kind, code, line):
        self.kind, self.code, self.line = kind, code, line
        self.printed = self.span = self.output = None

    def difference(self, output):
        """Between what is printed and `output`; empty where they agree."""
        if self.printed is None:
            return output if ERROR.search(output) else ""
        return "".join(unified_diff(self.printed.splitlines(True), output.splitlines(True), "printed", "came"))


class Recipe:
    """A chapter: its number, that of the recipe it goes on from, if any, and its blocks."""

    def __init__(self, book, start, end):
        text = book[start:end]
        self.title = text.partition("\n")[0]
        self.number = int(self.title.partition(".")[0])
        self.base = next((int(base) for base in BASE.findall(text)), None)
        self.blocks = []
        for match in BLOCK.finditer(text):
            kind, body = match.groups()
            if kind != "text":
                self.blocks.append(Block(kind, body, book.count("\n", 0, start + match.start()) + 2))
            elif self.blocks and self.blocks[-1].printed is None:
                self.blocks[-1].printed, self.blocks[-1].span = body, [start + place for place in match.span(2)]


def recipes(book):
    starts = [match.end() for match in RECIPE.finditer(book)]
    return [Recipe(book, start, end) for start, end in zip(starts, [*starts[1:], len(book)])]


class Reader:
    """Someone at a terminal, with the book: one session of psql, and a shell in the folder above the pictures."""

    def __init__(self, pictures):
        self.directory = pictures.parent
        # With line buffers, rows and notices come in the order in which psql writes them.
        self.psql = subprocess.Popen(
            ["stdbuf", "-oL", "psql", "-qX", "-v", f"pictures={pictures}", "library"],
            cwd=self.directory,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, block):
        """What comes out, without spaces at the ends of lines."""
        if block.kind == "sh":
            lines = self.shell(block.code)
        else:
            print(block.code, f"\\echo {END}", sep="", file=self.psql.stdin, flush=True)
            lines = list(iter(self.line, END))
        while lines and not lines[-1].strip():
            lines.pop()
        return "".join(line.rstrip() + "\n" for line in lines)

    def shell(self, code):
        done = subprocess.run(
            ["bash", "-euc", code], cwd=self.directory, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        return done.stdout.splitlines() + ([f"error: exit status {done.returncode}"] if done.returncode else [])

    def line(self):
        line = self.psql.stdout.readline()
        if not line:
            sys.exit("error: psql ended")
        return line.rstrip("\n")

    def close(self):
        self.psql.communicate()


def administer(script):
    """What a script of statements answers, line by line."""
    psql = ["psql", "-qXAt", "-v", "ON_ERROR_STOP=1", "postgres"]
    return subprocess.run(psql, check=True, text=True, input=script, stdout=subprocess.PIPE).stdout.splitlines()


def roles():
    return set(administer("SELECT quote_ident(rolname) FROM pg_roles;"))


class Run:
    """Readers at work, and how many blocks came out as printed."""

    def __init__(self, pictures):
        self.pictures, self.passed, self.failed, self.others = pictures, 0, 0, roles()

    def follow(self, recipe, how):
        reader = Reader(self.pictures)
        for block in recipe.blocks:
            block.output = reader.run(block)
            difference = block.difference(block.output)
            self.passed += not difference
            self.failed += bool(difference)
            if difference:
                print(f"{BOOK.name}:{block.line}: recipe {recipe.title} {how}", difference, sep="\n")
        reader.close()

    def clear(self):
        """Drops the database and the roles that recipes have made."""
        administer("DROP DATABASE library;" + "".join(f"DROP ROLE {role};" for role in roles() - self.others))


def main(folder, *options):
    # A block that leaves a quotation open has psql wait for its end.
    signal.alarm(900)
    book = BOOK.read_text(encoding="utf-8")
    first, *others = recipes(book)
    run = Run(Path(folder).resolve())

    administer("CREATE DATABASE library;")
    run.follow(first, "in a new database")
    administer("CREATE DATABASE library_begun TEMPLATE library;")
    for recipe in others:
        run.follow(recipe, "after those before it")
    run.clear()
    if "--update" in options:
        blocks = [block for recipe in (first, *others) for block in recipe.blocks if block.span]
        for block in reversed(blocks):
            start, end = block.span
            book = book[:start] + block.output + book[end:]
        BOOK.write_text(book, encoding="utf-8")
    else:
        for recipe in others:
            administer("CREATE DATABASE library TEMPLATE library_begun;")
            for base in (other for other in others if other.number == recipe.base):
                run.follow(base, f"before {recipe.number}")
            run.follow(recipe, f"after {recipe.base or 1} alone")
            run.clear()
    administer("DROP DATABASE library_begun;")
    print(f"{run.passed} blocks passed, {run.failed} failed")
    return int(run.failed > 0)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]) if len(sys.argv) > 1 else __doc__)
