// Bundles the console and writes it as C++: node bundle.mjs OUT.cc
// Names carry a hash of the content; the page itself is always asked for anew.
import { build } from 'esbuild';
import { readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const out = process.argv[2];
const result = await build({
  entryPoints: { console: join(here, 'src/main.tsx') },
  bundle: true, minify: true, write: false, format: 'esm', target: ['es2022'], charset: 'utf8', legalComments: 'none',
  jsx: 'automatic', jsxImportSource: 'preact', outdir: '/', entryNames: '[name]-[hash]', logLevel: 'warning',
  absWorkingDir: here,
});

const files = result.outputFiles.map(f => ({ name: basename(f.path), text: f.text }));
const named = suffix => files.find(f => f.name.endsWith(suffix)).name;
const page = readFileSync(join(here, 'src/index.html'), 'utf8')
  .replace('console.js', named('.js')).replace('console.css', named('.css'));
files.push({ name: 'index.html', text: page });
files.push({ name: 'icon.svg', text: readFileSync(join(here, 'src/icon.svg'), 'utf8') });

// In pieces: compilers bound the length of one literal.
const literal = text => {
  const bytes = Buffer.from(text, 'utf8');
  let lines = '';
  for (let at = 0; at < bytes.length; at += 100) {
    let line = '';
    for (const b of bytes.subarray(at, at + 100)) {
      line += b === 0x22 || b === 0x5c ? '\\' + String.fromCharCode(b)
            : b >= 0x20 && b < 0x7f && b !== 0x3f ? String.fromCharCode(b) : '\\' + b.toString(8).padStart(3, '0');
    }
    lines += `\n    "${line}"`;
  }
  return { lines, size: bytes.length };
};

let cc = `// Made from web/console/ by bundle.mjs.\n#include "app/admin/console_files.h"\n\nnamespace consentry::app::admin {\n\nnamespace {\n`;
files.forEach((f, n) => { cc += `\nconstexpr char file${n}[] =${literal(f.text).lines};\n`; });
cc += `\nconstexpr console_asset all[] = {\n`;
files.forEach((f, n) => { cc += `    {"${f.name}", {file${n}, sizeof file${n} - 1}},\n`; });
cc += `};\n\n}  // namespace\n\nstd::span<const console_asset> console_assets() noexcept {\n  return all;\n}\n\n}  // namespace consentry::app::admin\n`;
writeFileSync(out, cc);
