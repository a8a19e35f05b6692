#!/usr/bin/env python3
"""How long a page of the catalogue takes, and whether 1 000 requests by 8 clients are all answered.

    make catalogue IMAGES=/path/to/pictures       # in another terminal
    benches/catalogue.py [http://127.0.0.1:8000]

By one client first: every kind of page in turn, each search with words of its own that were not embedded before.
"""

import statistics
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from concurrent.futures import ThreadPoolExecutor

SITE = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8000"
SUBJECTS = ["street", "map", "portrait", "ruin", "horse", "garden", "theatre", "page", "river", "statue"]
PLACES = ["in winter", "by night", "of Paris", "with people", "in a book", "on fire", "without anybody", "from above"]
WORDS = [f"a {subject} {place}" for place in PLACES for subject in SUBJECTS]


def address(path, **asked):
    return f"{SITE}{path}?{urllib.parse.urlencode(asked)}"


def timed(url):
    start = time.perf_counter()
    try:
        with urllib.request.urlopen(url) as answer:
            answer.read()
    except urllib.error.HTTPError as error:
        answer = error
    return answer.status, time.perf_counter() - start


kinds = {
    "first page": [address("/")] * 40,
    "words": [address("/", q=words) for words in WORDS[:40]],
    "words less words": [address("/", **{"q": words, "not": "a drawing of it"}) for words in WORDS[40:]],
    "similar": [address("/", like=n) for n in range(1, 41)],
    "evaluation": [address("/evaluation")] * 40,
}
for url in [urls[0] for urls in kinds.values()] * 3:
    timed(url)
for kind, urls in kinds.items():
    times = sorted(1000 * timed(url)[1] for url in urls)
    print(f"{kind:18} median {statistics.median(times):6.1f} ms, p95 {times[int(len(times) * 0.95)]:6.1f} ms")

urls = [url for urls in zip(*kinds.values()) for url in urls] * 5
start = time.perf_counter()
with ThreadPoolExecutor(8) as clients:
    answers = list(clients.map(timed, urls))
seconds = time.perf_counter() - start
times = sorted(1000 * taken for _, taken in answers)
print(f"{len(answers)} requests by 8 clients in {seconds:.1f} s, {sum(status != 200 for status, _ in answers)} errors, "
      f"median {statistics.median(times):.0f} ms, p95 {times[int(len(times) * 0.95)]:.0f} ms")
