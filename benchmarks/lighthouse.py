"""Lighthouse on the pages of a built site, as a check before a release.

    python benchmarks/lighthouse.py SITE [LIGHTHOUSE]

Serves SITE on this machine below a sub-path and runs the `lighthouse` command (npm package, version 12) on one page of
each kind, with Chromium. Fails when accessibility, best practices or SEO are below 100, or performance below 95.

The audit of robots.txt is left out: Lighthouse fetches the file from within the page, which the pages' security policy
forbids (`default-src 'none'`). `tests/test_site.py` reads robots.txt with a parser instead.
"""

from __future__ import annotations

import functools
import http.server
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

WANTED = {"accessibility": 100, "best-practices": 100, "seo": 100, "performance": 95}
FLAGS = (
    "--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
)


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None: ...


def measure(url: str, lighthouse: str) -> dict[str, int]:
    """The scores of a page, from 0 to 100."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        sys.exit("Chromium is not installed")
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [lighthouse, url, "--quiet", "--output=json", f"--output-path={report}", f"--chrome-flags={FLAGS}"]
        command += [f"--only-categories={','.join(WANTED)}", "--preset=desktop", "--skip-audits=robots-txt"]
        subprocess.run(command, check=True, env={**os.environ, "CHROME_PATH": chromium})  # noqa: S603
        made = json.loads(report.read_text("utf-8"))
    for audit in made["audits"].values():
        if audit.get("score") is not None and audit["score"] < 0.9 and audit.get("scoreDisplayMode") == "binary":
            print(f"    {audit['id']}: {audit['title']}")  # noqa: T201
    return {name: round(100 * made["categories"][name]["score"]) for name in WANTED}


def main() -> None:
    site = Path(sys.argv[1]).resolve()
    lighthouse = sys.argv[2] if len(sys.argv) > 2 else "lighthouse"
    handler = functools.partial(_Quiet, directory=str(site.parent))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    root = f"http://127.0.0.1:{server.server_port}/{site.name}"
    cards = sorted(path.relative_to(site).as_posix() for path in site.glob("*/*/index.html"))
    cards = [path for path in cards if not path.startswith("docs/")]
    collection = cards[0].split("/")[0]
    pages = ["index.html", f"{collection}/index.html", cards[0], cards[-1], "compare/index.html", "match/index.html"]
    bad = False
    for page in pages:
        scores = measure(f"{root}/{page}", lighthouse)
        bad |= any(scores[name] < least for name, least in WANTED.items())
        print(page, scores)  # noqa: T201
    server.shutdown()
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
