"""The description of a model as one page of HTML that loads nothing from elsewhere."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from engine.serving.contract import Column, Signature

POLICY = (
    b"content-security-policy: default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline';"
    b" connect-src 'self'; frame-ancestors 'none'\r\n"
)
_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1b1f24 }
table { border-collapse: collapse; margin: .5rem 0 1.5rem } th, td { text-align: left; padding: .25rem 1.2rem .25rem 0;
border-bottom: 1px solid #d5dae1; vertical-align: top } code, pre, textarea { font: 13px/1.45 ui-monospace, monospace }
pre, textarea { background: #f4f6f8; border: 1px solid #d5dae1; border-radius: 4px; padding: .6rem; overflow: auto }
textarea { width: 100%; box-sizing: border-box } button { font: inherit; padding: .3rem 1rem }
@media (prefers-color-scheme: dark) { body { background: #14181d; color: #dfe4ea }
th, td, pre, textarea { border-color: #39424e } pre, textarea { background: #1d232a; color: inherit } }
"""
_ASK = """
document.getElementById("ask").addEventListener("submit", async (event) => {
  event.preventDefault();
  const out = document.getElementById("answer");
  try {
    const body = document.getElementById("body").value;
    const answer = await fetch("predict", {method: "POST", headers: {"Content-Type": "application/json"}, body});
    out.textContent = answer.status + "\\n" + JSON.stringify(await answer.json(), null, 1);
  } catch (error) { out.textContent = String(error); }
});
"""


def page(model: str, version: int, signature: Signature, example: Mapping[str, Any], also: Sequence[str]) -> bytes:
    """Return the page of a model: its columns, an example to ask with, how it refuses."""
    name = escape(f"{model}@{version}")
    body = json.dumps({"rows": [dict(example)]}, indent=1, ensure_ascii=False)
    flat = json.dumps({"rows": [dict(example)]}, ensure_ascii=False).replace("'", "'\\''")
    lines = min(24, body.count("\n") + 2)
    beside = f"<p>A row may carry {escape(', '.join(also))} as well: kept with it, not asked about.</p>" if also else ""
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{name}</title><style>{_STYLE}</style></head><body>
<h1>{name}</h1>
<p>Ask with <code>POST predict</code>, rows as records;
<a href="openapi.json">openapi.json</a> says the same for programs.</p>
<h2>A row</h2>
{_table(signature.inputs, example)}{beside}
<h2>Its answer</h2>
{_table(signature.outputs, None)}
<h2>Try it</h2>
<p>What is asked here is a prediction like any other: it is on record.</p>
<form id="ask"><textarea id="body" rows="{lines}" spellcheck="false">{escape(body)}</textarea>
<p><button>Ask</button></p></form><pre id="answer"></pre>
<pre>curl -H 'Content-Type: application/json' -d '{escape(flat)}' HOST/predict</pre>
<h2>The V2 protocol</h2>
<p><code>v2/models/{escape(model)}/infer</code> takes one tensor per column, as JSON or binary:
<code>tritonclient</code> works as it is.</p>
<h2>In time</h2>
<p>The header <code>grpc-timeout: 500m</code> says for how long an answer is of use.</p>
<h2>Errors</h2>
<p><code>{{"error": {{"code", "message", "row", "column"}}}}</code>; rows count from 0.
400 and 422: mend the request. 429 and 503: ask again after <code>Retry-After</code> seconds. 504: it came too late.</p>
<script>{_ASK}</script></body></html>
""".encode()


def _table(columns: Sequence[Column], example: Mapping[str, Any] | None) -> str:
    lines = ["<table><tr><th>column</th><th>type</th>" + ("" if example is None else "<th></th><th>example</th>")]
    for column in columns:
        line = f"</tr><tr><td><code>{escape(column.name)}</code></td><td>{escape(column.type)}</td>"
        if example is not None:
            shown = json.dumps(example[column.name], ensure_ascii=False) if column.name in example else ""
            line += f"<td>{'may be null' if column.nullable else ''}</td><td><code>{escape(shown)}</code></td>"
        lines.append(line)
    return "".join(lines) + "</tr></table>"
