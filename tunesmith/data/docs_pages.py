"""Makes the Data Docs of Great Expectations pages that load nothing and read well as they are.

As they come, they fetch styles and scripts from half a dozen hosts, so that a reader without a
network sees neither tables nor colours, and one with it tells those hosts what they look at. The
index is built by such a script alone; here it is written out.
"""

import html
import re
import shutil
from pathlib import Path

from tunesmith.data.columns import COLUMNS

_WHOLE = re.compile(r"<(script|style|footer|label|button)\b.*?</\1>", re.DOTALL | re.IGNORECASE)
_EMPTY = re.compile(r"<(?:link|img)\b[^>]*>", re.IGNORECASE)
_POLICY = (
    '<meta http-equiv="Content-Security-Policy" '
    "content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:\">"
    '<meta name="viewport" content="width=device-width, initial-scale=1">'
)
_STYLE = """<style>
:root { color-scheme: light dark; }
body { margin: 0 auto; max-width: 60rem; padding: 1rem;
  font: 16px/1.5 system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
h4, h5, h6 { font-size: 1.05rem; margin: 1.25rem 0 .25rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .35rem .75rem .35rem 0;
  border-bottom: 1px solid #8886; overflow-wrap: anywhere; }
.alert, .card { border: 1px solid #8886; border-radius: 8px; padding: .5rem 1rem; margin: .5rem 0; }
th { overflow-wrap: normal; }
[data-toggle="collapse"], .card:has(.btn-group) { display: none; }
.alert h5 { margin: 0; }
.text-success { color: #0b7a4b; } .text-danger { color: #b3331f; }
@media (prefers-color-scheme: dark) {
  .text-success { color: #4cc38a; } .text-danger { color: #ff8672; }
}
</style>"""
_MARKS = (
    ("fa-check-circle", "text-success", "✓"),
    ("fa-times", "text-danger", "✗"),
    ("fa-exclamation-triangle", "text-danger", "!"),
)


def settle(folder: Path) -> Path:
    """Rewrite the pages of a site in place, and return its new index."""
    index = folder / "index.html"
    pages = sorted(page for page in folder.rglob("*.html") if page != index)
    for page in pages:
        page.write_text(settled(page.read_text("utf-8")), "utf-8")
    listed = "".join(
        f'<li><a href="{html.escape(page.relative_to(folder).as_posix())}">'
        f"{'What the rows were checked for' if _is_suite(page) else 'What was found'}</a></li>"
        for page in sorted(pages, key=_is_suite)
    )
    columns = "".join(f"<tr><th>{name}</th><td>{held}</td></tr>" for name, held in COLUMNS.items())
    index.write_text(
        f'<!doctype html><html lang="en"><head><meta charset="utf-8">{_POLICY}'
        f"<title>Data Docs</title>{_STYLE}</head><body><h4>The rows against what was expected of "
        f"them</h4><ul>{listed}</ul><h4>The columns</h4><table>{columns}</table></body></html>\n",
        "utf-8",
    )
    shutil.rmtree(folder / "static", ignore_errors=True)  # fonts and pictures of what is gone
    return index


def _is_suite(page: Path) -> bool:
    return page.parent.name == "expectations"


def settled(page: str) -> str:
    """Return a page without scripts and without anything from elsewhere, with a style of its own.

    Scripts can go first: Great Expectations escapes what stands in its tables.
    """
    page = _EMPTY.sub("", _WHOLE.sub("", page))
    for icon, tone, mark in _MARKS:
        page = re.sub(rf"<i\b[^>]*\b{icon}\b[^>]*>\s*</i>", f'<b class="{tone}">{mark}</b>', page)
    return page.replace("<head>", f"<head>{_POLICY}", 1).replace("</head>", f"{_STYLE}</head>", 1)
