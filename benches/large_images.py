"""Times a thumbnail of a large picture in SQL beside the same work in Pillow: a pyramid of 100 megapixels, tiled TIFF; with
--region, of a part of a JPEG of the same picture.

    python3 -m venv build/large-venv
    build/large-venv/bin/pip install pillow==11.3.0 tifffile==2026.3.3 psycopg[binary]==3.3.9
    build/large-venv/bin/python benches/large_images.py [--region X,Y,W,H] [FILE…]

libpq's environment names a server on this machine with a release build of clip_pg, and a superuser. Either side makes
224 pixels of the file in a process of its own; processor time and the peak of memory count, of SQL that of the session
less that of one that has only read the file. Other files are measured as they are.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

import numpy as np
import psycopg
import tifffile
from PIL import Image

ROUNDS = 5
SIDE = 10_000


def picture():
    """Photographs have detail at every size: noise, smoothed at several scales."""
    random = np.random.default_rng(1)
    levels = np.zeros((SIDE, SIDE, 3), np.float32)
    for step in (10, 50, 250, 1000):
        coarse = random.normal(0, 40, (SIDE // step, SIDE // step, 3)).astype(np.float32)
        levels += coarse.repeat(step, 0).repeat(step, 1)
    return np.clip(levels + 128, 0, 255).astype(np.uint8)


def pyramid(path, picture):
    """Writes a TIFF with smaller versions."""
    options = {"photometric": "rgb", "tile": (256, 256), "compression": "zlib", "metadata": None}
    with tifffile.TiffWriter(path) as file:
        file.write(picture, subifds=5, **options)
        for _ in range(5):
            height, width, _ = picture.shape
            picture = picture[: height // 2 * 2, : width // 2 * 2].reshape(height // 2, 2, width // 2, 2, 3)
            picture = picture.mean((1, 3)).astype(np.uint8)
            file.write(picture, subfiletype=1, **options)


def pillow(path, region):
    """Seconds and bytes of a process that has Pillow make a thumbnail, of all or of left, upper, width, height."""
    crop = f".crop(({region[0]}, {region[1]}, {region[0] + region[2]}, {region[1] + region[3]}))" if region else ""
    program = (
        "import io, sys, time; from PIL import Image; Image.MAX_IMAGE_PIXELS = None\n"
        "file = open(sys.argv[1], 'rb').read(); open('/proc/self/clear_refs', 'w').write('5')\n"
        "peak = lambda: 1024 * int(open('/proc/self/status').read().partition('VmHWM:')[2].split()[0])\n"
        "before = time.process_time(), peak()\n"
        f"image = Image.open(io.BytesIO(file)).convert('RGB'){crop}; image.thumbnail((224, 224), Image.BICUBIC)\n"
        "image.save(io.BytesIO(), 'JPEG', quality=90)\n"
        "print(time.process_time() - before[0], peak() - before[1])"
    )
    done = subprocess.run([sys.executable, "-c", program, path], check=True, capture_output=True, text=True)
    return [float(number) for number in done.stdout.split()]


def process(pid):
    """Seconds of processor time and the peak of memory of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    status = Path(f"/proc/{pid}/status").read_text()
    peak = int(status.partition("VmHWM:")[2].split()[0])
    return (int(fields[11]) + int(fields[12])) / 100, 1024 * peak


def clip_pg(path, region, times):
    """The same of a session, of which a thumbnail is asked `times` times."""
    region = ",".join(map(str, region)) if region else "full"
    with psycopg.connect(autocommit=True) as session:
        pid = session.info.backend_pid
        session.execute("CREATE TEMP TABLE file (image bytea)")
        session.execute("ALTER TABLE file ALTER image SET STORAGE EXTERNAL")
        with open(path, "rb") as file:
            session.execute("INSERT INTO file VALUES (%s)", (file.read(),), binary=True)
        session.execute("SELECT length(sha256(image)) FROM file")
        Path(f"/proc/{pid}/clear_refs").write_text("5")
        before = process(pid)
        for _ in range(times):
            session.execute("SELECT clip_thumbnail(image, 224, %s) FROM file", (region,)).fetchone()
        after = process(pid)
        # A file that is out of line is put together first, which is no work of the decoder.
        for _ in range(times):
            session.execute("SELECT length(sha256(image)) FROM file").fetchone()
        reading = process(pid)
        return [max(after[0] - before[0] - (reading[0] - after[0]), 0.01) / times, after[1] - before[1]]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--region", type=lambda text: [int(number) for number in text.split(",")])
    parser.add_argument("files", nargs="*")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        files = options.files
        if not files and options.region:
            for kind in ("baseline", "progressive"):
                files.append(str(Path(directory) / f"{kind}.jpg"))
                Image.fromarray(picture()).save(files[-1], quality=85, progressive=kind == "progressive")
        elif not files:
            files = [str(Path(directory) / "pyramid.tif")]
            pyramid(files[0], picture())
        for path in files:
            runs = [(pillow(path, options.region), clip_pg(path, options.region, 10)) for _ in range(ROUNDS)]
            print(Path(path).name, f"{Path(path).stat().st_size / 1e6:.0f} MB")
            for name, n in (("Pillow", 0), ("clip_pg", 1)):
                seconds = median(run[n][0] for run in runs)
                peak = median(run[n][1] for run in runs)
                print(f"  {name:8}{seconds:8.3f} s {peak / 1e6:8.0f} MB")


if __name__ == "__main__":
    main()
