#!/usr/bin/env python3
"""No module may use, over however many others, one that uses it.

Reads the paths in src/ and in each crate below crates/: what `use` declarations name and what is named in full, as in
`crate::guc::model()`. Modules are compared with their siblings: those of a crate with one another, and those within a module
with one another. A module and its own submodules count as one, and so does a name that a module only hands on, as in
`pub use error::Error`, with the module it comes from. Tests do not count, nor does lib.rs, which may name all.
"""

import re
import sys
from pathlib import Path

COMMENT_OR_STRING = re.compile(
    r'//[^\n]*|/\*.*?\*/|r(#*)".*?"\1|"(?:\\.|[^"\\])*"|\'(?:\\.[^\']*|[^\'\\])\'', re.DOTALL
)
TESTS = re.compile(r"#\[cfg\((?:all\()?test\b[^\]]*\]\s*mod \w+ \{")
USE = re.compile(r"\buse ([^;]+);")
PATH = re.compile(r"\b(?:crate|super|self)(?:::\w+)+")


def code(text):
    """The text without comments, strings and tests within it."""
    text = COMMENT_OR_STRING.sub(" ", text)
    while found := TESTS.search(text):
        depth, end = 1, found.end()
        while depth and end < len(text):
            depth += {"{": 1, "}": -1}.get(text[end], 0)
            end += 1
        text = text[: found.start()] + text[end:]
    return text


def names(tree, prefix=()):
    """The paths that a `use` declaration names, each with the name that it has here."""
    depth, begin = 0, 0
    for end, character in enumerate(tree + ","):
        depth += {"{": 1, "}": -1}.get(character, 0)
        if character != "," or depth:
            continue
        item = tree[begin:end].strip()
        begin = end + 1
        if not item:
            continue
        head, brace, rest = item.partition("{")
        path, _, alias = head.partition(" as ")
        path = prefix + tuple(part.strip() for part in path.split("::") if part.strip())
        if brace:
            yield from names(rest.rpartition("}")[0], path)
        else:
            path = path[:-1] if path[-1] == "self" and len(path) > 1 else path
            yield path, alias.strip() or path[-1]


class Crate:
    """The modules of a crate, and what each of them names."""

    def __init__(self, folder):
        self.modules = {}
        for file in sorted(folder.rglob("*.rs")):
            parts = file.relative_to(folder).with_suffix("").parts
            if "tests" in parts:
                continue
            module = parts[:-1] if parts[-1] in ("mod", "lib", "main") else parts
            self.modules[module] = code(file.read_text())
        self.handed_on = {module: {} for module in self.modules}
        for module, text in self.modules.items():
            for use in USE.findall(text):
                for path, name in names(use):
                    if path[0] in ("crate", "super", "self") or module + path[:1] in self.modules:
                        self.handed_on[module][name] = self.absolute(module, path)

    def absolute(self, module, path):
        """A path from the root of the crate."""
        if path[0] == "crate":
            return path[1:]
        while path and path[0] in ("super", "self"):
            if path[0] == "super":
                module = module[:-1]
            path = path[1:]
        return module + path

    def module_of(self, path):
        """The module that what a path names is in; names that are handed on are followed."""
        for _ in range(8):
            module = path
            while module not in self.modules:
                module = module[:-1]
            name = path[len(module) : len(module) + 1]
            further = name and self.handed_on[module].get(name[0])
            if not further or further[: len(path)] == path:
                break
            path = further
        return module

    def uses(self):
        """Pairs of siblings of which the first uses the second."""
        for module, text in self.modules.items():
            paths = [path for use in USE.findall(text) for path, _ in names(use)]
            paths += [tuple(path.split("::")) for path in PATH.findall(text)]
            for path in paths:
                if path[0] not in ("crate", "super", "self"):
                    continue
                other = self.module_of(self.absolute(module, path))
                common = 0
                while module[common : common + 1] == other[common : common + 1] != ():
                    common += 1
                if common < min(len(module), len(other)):
                    yield module[: common + 1], other[: common + 1]


def circles(uses):
    """Circles in a graph, each as the way around it; of several through the same modules, one."""
    found = []
    for begin in sorted(uses):
        if any(begin in circle for circle in found):
            continue
        ways = [(begin,)]
        seen = set()
        while ways:
            way = ways.pop(0)
            for following in sorted(uses.get(way[-1], ())):
                if following == begin:
                    found.append(way)
                    ways = []
                    break
                if following not in seen:
                    seen.add(following)
                    ways.append(way + (following,))
    return found


def main():
    root = Path(__file__).resolve().parent.parent
    wrong = 0
    for folder in [root / "src", *sorted(root.glob("crates/*/src"))]:
        uses = {}
        for module, other in Crate(folder).uses():
            uses.setdefault(module, set()).add(other)
        for circle in circles(uses):
            way = " -> ".join("::".join(module) for module in (*circle, circle[0]))
            print(f"{folder.relative_to(root)}: {way}")
            wrong += 1
    print(f"{wrong} circles of modules" if wrong else "no circles of modules")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
