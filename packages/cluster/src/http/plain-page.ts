import { createHash } from "node:crypto";
import { escapeHtml } from "./html.ts";

/** One message on a page of its own, for a browser that is between two sites and has no console open. */
export interface PlainPage {
  readonly title: string;
  /** One sentence or more, for people. */
  readonly text: string;
  /** What somebody who is asked for help needs; small print. */
  readonly note?: string;
  readonly link?: { readonly href: string; readonly label: string };
}

const style = `
:root{color-scheme:light dark;--bg:#f5f7fa;--panel:#fff;--text:#1c2330;--soft:#5b6576;--line:#dfe3ea;--link:#1a5fb4}
@media (prefers-color-scheme:dark){:root{--bg:#12161d;--panel:#1a2029;--text:#e4e8ef;--soft:#9aa5b5;--line:#2b333f;--link:#7ab4ff}}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;display:grid;place-items:center;padding:1rem;background:var(--bg);color:var(--text);font:16px/1.55 system-ui,sans-serif}
main{width:100%;max-width:28rem;padding:1.5rem;background:var(--panel);border:1px solid var(--line);border-radius:.5rem}
h1{margin:0 0 .75rem;font-size:1.25rem;line-height:1.3}
p{margin:0 0 .75rem;overflow-wrap:anywhere}
p:last-child{margin:0}
small{color:var(--soft)}
a{color:var(--link)}
a:focus-visible{outline:2px solid var(--link);outline-offset:2px}
`;

/** The page loads nothing and runs nothing: its only style stands in it, and is named by its hash (CSP Level 3 §2.3.1). */
export const plainPagePolicy = [
  "default-src 'none'",
  `style-src 'sha256-${createHash("sha256").update(style).digest("base64")}'`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

export function renderPlainPage({ title, text, note, link }: PlainPage): string {
  const parts = [
    `<h1>${escapeHtml(title)}</h1><p>${escapeHtml(text)}</p>`,
    link && `<p><a href="${escapeHtml(link.href)}">${escapeHtml(link.label)}</a></p>`,
    note && `<p><small>${escapeHtml(note)}</small></p>`,
  ];
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>${escapeHtml(title)} · Postern</title><style>${style}</style></head>
<body><main>${parts.filter(Boolean).join("\n")}</main></body></html>
`;
}
