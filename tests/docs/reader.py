"""Somebody at a terminal who types what a page says."""

import re
import signal
import subprocess
import sys

END = "-- the end of a block --"
ERROR = re.compile(r"^(?:\S+ )?(?:ERROR|FATAL|error):", re.MULTILINE)
PARAMETER = re.compile(r"\$\d")


class Reader:
    """One session of psql in the database `library`, and a shell in the folder above the pictures.

    Pages say `/srv/photos` for the folder with pictures and `/srv/models/NAME` for that of a downloaded model; here the
    first is `pictures` in `directory`, and all of the second are `model`.
    """

    def __init__(self, directory):
        self.directory = directory
        # With line buffers, rows and notices come in the order in which psql writes them.
        self.psql = subprocess.Popen(
            ["stdbuf", "-oL", "psql", "-qX", "-v", f"pictures={directory}/pictures", "library"],
            cwd=directory,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, block):
        """What comes out, without spaces at the ends of lines."""
        code = block.code.replace("/srv/photos", f"{self.directory}/pictures")
        code = re.sub(r"/srv/models/[\w.-]+", f"{self.directory}/model", code)
        if block.kind == "sh":
            lines = self.shell(code)
        else:
            if PARAMETER.search(code) and not code.startswith("PREPARE"):
                # A statement of an application's, whose driver prepares it.
                code = f"PREPARE statement AS\n{code}\nDEALLOCATE statement;\n"
            print(code, f"\\echo {END}", sep="", file=self.psql.stdin, flush=True)
            lines = list(iter(self.line, END))
        while lines and not lines[-1].strip():
            lines.pop()
        return "".join(line.rstrip().replace(f"{self.directory}/pictures", "/srv/photos") + "\n" for line in lines)

    def shell(self, code):
        done = subprocess.run(
            ["bash", "-euc", code], cwd=self.directory, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        return done.stdout.splitlines() + ([f"error: exit status {done.returncode}"] if done.returncode else [])

    def line(self):
        # A block that leaves a quotation open has psql wait for its end.
        signal.alarm(120)
        line = self.psql.stdout.readline()
        signal.alarm(0)
        if not line:
            sys.exit("error: psql ended")
        return line.rstrip("\n")

    def close(self):
        self.psql.communicate()
