//! How a sheet looks: on a phone, on a wide screen, in the dark, and on paper.

/// The style of every sheet, within the page. Pairs of colours have a contrast of 7 to 1 or more (WCAG 2.2, 1.4.6), in the
/// light and in the dark. On paper the door is a page of its own.
pub(super) const STYLE: &str = r#"
:root { color-scheme: light dark; --paper: #fdf9f1; --ink: #2a211c; --soft: #5a4a3f; --mark: #8c1c2b; --card: #f5ecdc; --line: #dccdb4 }
@media (prefers-color-scheme: dark) {
  :root { --paper: #1d1815; --ink: #f3e9dc; --soft: #cdbcaa; --mark: #ffb0a8; --card: #2b2420; --line: #51443a }
}
* { box-sizing: border-box }
html { -webkit-text-size-adjust: 100% }
body { margin: 0; background: var(--paper); color: var(--ink); font: 1.0625rem/1.6 Georgia, "Iowan Old Style", "Noto Serif", "Liberation Serif", serif; overflow-wrap: break-word; hyphens: auto }
.awning { height: 1.1rem; background: repeating-linear-gradient(90deg, #8c1c2b 0 1.6rem, #fdf9f1 1.6rem 3.2rem); border-bottom: 1px solid var(--line); print-color-adjust: exact; -webkit-print-color-adjust: exact }
.door, main, footer { max-width: 42rem; margin: 0 auto; padding: 0 1.25rem }
h1, h2, h3, .shop, th, .more { font-family: "Avenir Next", "Segoe UI", "Helvetica Neue", "Liberation Sans", Arial, sans-serif; hyphens: manual }
.shop { margin: 2rem 0 .25rem; color: var(--soft); font-size: 1rem }
h1 { margin: 0 0 1rem; color: var(--mark); font-size: clamp(1.75rem, 7vw, 2.6rem); line-height: 1.15 }
h1.title { margin-top: 2rem; font-size: clamp(1.5rem, 6vw, 2.1rem) }
h2 { margin: 2.5rem 0 .5rem; color: var(--mark); font-size: 1.35rem; line-height: 1.25 }
h3 { margin: 1.4rem 0 .2rem; font-size: 1.05rem; line-height: 1.35 }
p { margin: 0 0 .9rem }
h3 + p { margin-bottom: 0 }
a { color: var(--mark); text-underline-offset: .15em; display: inline-block; max-width: 100%; hyphens: manual; overflow-wrap: anywhere }
a:focus-visible { outline: 3px solid var(--mark); outline-offset: 2px }
ul { margin: 0 0 .9rem; padding: 0; list-style: none }
li { padding: .1rem 0 .1rem 1.1rem; position: relative }
li::before { content: ""; position: absolute; left: .1em; top: .72em; width: .4em; height: .4em; border-radius: 50%; background: var(--mark); print-color-adjust: exact; -webkit-print-color-adjust: exact }
.boxes { display: grid; grid-template-columns: minmax(0, 1fr); gap: 1rem; margin: 1.5rem 0 }
.box, .example { background: var(--card); border-radius: .6rem; padding: 1rem 1.15rem; print-color-adjust: exact; -webkit-print-color-adjust: exact }
.box h2 { margin: 0 0 .3rem; font-size: 1.15rem }
.box p, .example { margin-bottom: 0 }
.example { margin-bottom: .9rem; border-left: .3rem solid var(--mark) }
.code { display: none }
.responsible, footer { color: var(--soft); font-size: .95rem }
nav { margin: 2rem 0 0; padding: 1rem 0 0; border-top: 1px solid var(--line) }
nav p { margin: 0 0 .4rem }
nav a { display: inline-block; padding: .25rem 0; margin-right: 1.1rem }
table { width: 100%; border-collapse: collapse; margin: 0 0 1rem; font-size: .98rem; line-height: 1.45 }
th, td { text-align: left; vertical-align: top; padding: .5rem .9rem .5rem 0; border-bottom: 1px solid var(--line) }
th { color: var(--soft); font-size: .9rem }
td:first-child { font-weight: bold; width: 40% }
@media screen and (max-width: 36rem) {
  thead { position: absolute; clip-path: inset(50%); width: 1px; height: 1px; overflow: hidden }
  table, tbody, tr, td { display: block; width: auto }
  tr { padding: .6rem 0; border-bottom: 1px solid var(--line) }
  td { border: 0; padding: .1rem 0 }
  td:first-child { width: auto }
  td + td::before { content: attr(data-head) ": "; color: var(--soft) }
}
footer { padding-top: 1.5rem; padding-bottom: 2.5rem }
main > :last-child { margin-bottom: 0 }
@page { size: A4; margin: 16mm 18mm }
@media print {
  :root { --paper: #fff; --ink: #000; --soft: #333; --mark: #8c1c2b; --card: #f6f0e4; --line: #bbb }
  body { font-size: 10.5pt; line-height: 1.42 }
  .door, main, footer { max-width: none; padding: 0 }
  .door { break-after: page; font-size: 15.5pt; line-height: 1.38 }
  .door h1 { font-size: 36pt; margin-bottom: 6mm }
  .door .shop { margin-top: 7mm; font-size: 16pt }
  .door.long { font-size: 14pt }
  .door.longer { font-size: 12pt }
  .door.longest { font-size: 9.5pt; line-height: 1.3 }
  .door.sheet { break-after: auto; font-size: 12pt }
  .door h1.title { font-size: 22pt; margin: 7mm 0 3mm }
  .awning { height: 9mm }
  .boxes { grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 6mm; margin: 7mm 0 }
  .box { padding: 5mm }
  .box h2 { font-size: 1.08em }
  .code { display: grid; grid-template-columns: 46mm minmax(0, 1fr); gap: 7mm; align-items: center; margin: 0 0 6mm }
  .code svg, .room { width: 46mm; height: 46mm; border-radius: 2mm }
  .room { border: 1.5pt dashed #888; display: grid; place-items: center; text-align: center; padding: 4mm; color: #333; font-size: 11pt }
  .code .more { margin: 0; font-size: 20pt; line-height: 1.3 }
  .code .more a { font-size: 14pt; overflow-wrap: anywhere }
  .responsible { font-size: .75em }
  nav { display: none }
  h2 { font-size: 13.5pt; margin: 5mm 0 1mm; break-after: avoid }
  main > section:first-of-type h2 { margin-top: 0 }
  h3 { font-size: 11pt; margin: 3mm 0 .5mm; break-after: avoid }
  p, ul, table { margin-bottom: 2mm }
  li::before { top: .6em }
  table { font-size: 9.5pt }
  th, td { padding: 1.2mm 4mm 1.2mm 0 }
  p, li, tr, .box, .example { break-inside: avoid }
  a { color: inherit; text-decoration: none }
  footer { padding: 4mm 0 0; font-size: 9pt }
}
"#;
