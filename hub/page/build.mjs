/** Builds the page into the folder that the first argument names: the same bytes of the same sources, wherever. */

import { cpSync, mkdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const out = process.argv[2];
if (out === undefined) throw new Error("say where to: node build.mjs FOLDER");

// Both files have parts of uPlot in them, and its licence wants to be with them.
const licence = `/*! With parts of uPlot (https://github.com/leeoniya/uPlot):\n\n${readFileSync(join(here, "node_modules/uplot/LICENSE"), "utf8")}*/`;

mkdirSync(out, { recursive: true });
await build({
  absWorkingDir: here,
  entryPoints: [
    { in: "src/main.ts", out: "page" },
    { in: "src/style.css", out: "page" },
  ],
  outdir: out,
  bundle: true,
  minify: true,
  format: "iife",
  target: "es2022",
  banner: { js: licence, css: licence },
  legalComments: "none",
  charset: "utf8",
});
for (const name of ["index.html", "icon.svg"]) cpSync(join(here, "src", name), join(out, name));
