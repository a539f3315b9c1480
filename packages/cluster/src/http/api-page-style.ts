/** The style of the API's page, light and dark after what the browser prefers, from 320 pixels on. */
export const apiPageStyle = `
:root{color-scheme:light dark;--bg:#fff;--text:#1c2330;--soft:#5b6576;--line:#dfe3ea;--panel:#f5f7fa;--link:#1a5fb4;
--get:#17693a;--post:#1a5fb4;--put:#8a4b00;--patch:#8a4b00;--delete:#b3261e}
@media (prefers-color-scheme:dark){:root{--bg:#12161d;--text:#e4e8ef;--soft:#9aa5b5;--line:#2b333f;--panel:#1a2029;--link:#7ab4ff;
--get:#6fcf97;--post:#7ab4ff;--put:#e6b36a;--patch:#e6b36a;--delete:#ff8a80}}
*{box-sizing:border-box}
html{scroll-padding-top:1rem}
body{margin:0;background:var(--bg);color:var(--text);font:16px/1.55 system-ui,sans-serif;display:grid;grid-template-columns:19rem minmax(0,1fr)}
nav{position:sticky;top:0;height:100vh;overflow-y:auto;padding:1rem;border-right:1px solid var(--line);background:var(--panel);font-size:.85rem}
nav h2{font-size:.8rem;text-transform:uppercase;letter-spacing:.05em;margin:1.1rem 0 .3rem}
nav h2 a{color:var(--soft)}
nav ul{list-style:none;margin:0;padding:0}
nav li a{display:flex;gap:.5rem;padding:.15rem 0;color:var(--text);overflow-wrap:anywhere}
.home{font-weight:700;margin:0;font-size:1rem}
main{padding:1.5rem 2rem 6rem;max-width:62rem}
a{color:var(--link);text-decoration:none}
a:hover,a:focus-visible{text-decoration:underline}
a:focus-visible{outline:2px solid var(--link);outline-offset:2px}
h1{margin:0 0 .5rem;font-size:1.7rem}
h1 small,h4 small{color:var(--soft);font-weight:400}
h2.group{margin:3rem 0 1rem;padding-bottom:.4rem;border-bottom:2px solid var(--line);font-size:1.35rem}
section{margin:0 0 1.5rem;padding:1rem 1.25rem;border:1px solid var(--line);border-radius:.5rem}
section:target{border-color:var(--link);box-shadow:0 0 0 1px var(--link)}
h3{margin:0;font-size:1.05rem;font-family:ui-monospace,monospace;overflow-wrap:anywhere}
h3 a{color:inherit}
h4{margin:1.2rem 0 .4rem;font-size:.95rem}
.summary{margin:.3rem 0;font-size:1.05rem}
.access{margin:.3rem 0;color:var(--soft);font-size:.9rem}
.m{font:600 .72rem/1.6 ui-monospace,monospace;min-width:3.4rem;display:inline-block}
.get{color:var(--get)}.post{color:var(--post)}.put{color:var(--put)}.patch{color:var(--patch)}.delete{color:var(--delete)}
h3 .m{font-size:.9rem}
code,pre{font-family:ui-monospace,monospace;font-size:.86em}
code{background:var(--panel);border-radius:.25rem;padding:.05rem .25rem;overflow-wrap:anywhere}
pre{background:var(--panel);border:1px solid var(--line);border-radius:.4rem;padding:.75rem;overflow-x:auto;margin:.4rem 0;max-height:32rem}
table{width:100%;border-collapse:collapse;font-size:.88rem;table-layout:auto}
th{text-align:left;color:var(--soft);font-weight:600;border-bottom:1px solid var(--line);padding:.25rem .5rem .25rem 0}
td{vertical-align:top;border-bottom:1px solid var(--line);padding:.3rem .5rem .3rem 0;overflow-wrap:anywhere}
td:last-child,th:last-child{padding-right:0}
.members td:first-child,.codes td:nth-child(2){white-space:nowrap}
.d1{padding-left:1.2rem}.d2{padding-left:2.4rem}.d3{padding-left:3.6rem}.d4{padding-left:4.8rem}.d5{padding-left:6rem}.d6{padding-left:7.2rem}
.optional{color:var(--soft);font-size:.78rem}
.type{color:var(--soft);font-size:.9rem;margin:.2rem 0}
@media (max-width:52rem){body{display:block}nav{position:static;height:auto;max-height:30vh;border-right:0;border-bottom:1px solid var(--line)}
main{padding:1rem}section{padding:.75rem;overflow-x:auto}
table{min-width:34rem}}
@media print{nav{display:none}body{display:block}section{break-inside:avoid-page}}
`;
