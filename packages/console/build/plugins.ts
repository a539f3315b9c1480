import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, gzipSync, constants as zlib } from "node:zlib";
import type { Plugin, Rollup } from "vite";

/**
 * Fails the build when the first load of a page needs more script than this, compressed by gzip. `pages` are the modules
 * that are loaded with the entry when somebody opens that page.
 */
export function scriptBudget({ pages, maxKilobytes }: { pages: readonly string[]; maxKilobytes: number }): Plugin {
  return {
    name: "postern-script-budget",
    apply: "build",
    generateBundle(_options, bundle) {
      const chunks = Object.values(bundle).filter((file) => file.type === "chunk");
      const needed = new Set<string>();
      for (const chunk of chunks) {
        const isPage = pages.some((page) => chunk.facadeModuleId?.endsWith(page));
        if (chunk.isEntry || isPage) collect(chunk, bundle, needed);
      }
      const missing = pages.filter((page) => !chunks.some(({ facadeModuleId }) => facadeModuleId?.endsWith(page)));
      if (missing.length > 0)
        this.error(`No chunk of its own for ${missing.join(", ")}: the budget cannot be measured.`);
      const bytes = chunks
        .filter(({ fileName }) => needed.has(fileName))
        .reduce((sum, { code }) => sum + gzipSync(code, { level: 9 }).byteLength, 0);
      const kilobytes = Math.round(bytes / 100) / 10;
      const verdict = `first load of the Agent List: ${kilobytes} kB of script (gzip), of at most ${maxKilobytes}`;
      if (kilobytes > maxKilobytes) this.error(verdict);
      console.log(verdict);
    },
  };
}

function collect(chunk: Rollup.OutputChunk, bundle: Rollup.OutputBundle, needed: Set<string>): void {
  if (needed.has(chunk.fileName)) return;
  needed.add(chunk.fileName);
  for (const name of chunk.imports) {
    const imported = bundle[name];
    if (imported?.type === "chunk") collect(imported, bundle, needed);
  }
}

/** Lays a compressed copy beside each file that gains by it; the cluster sends the one that the browser takes. */
export function compressed(): Plugin {
  return {
    name: "postern-compressed",
    apply: "build",
    writeBundle({ dir = "dist" }) {
      const assets = join(dir, "assets");
      for (const name of readdirSync(assets)) {
        if (!/\.(js|css|svg)$/.test(name)) continue;
        const content = readFileSync(join(assets, name));
        if (content.byteLength < 1_024) continue;
        writeFileSync(join(assets, `${name}.gz`), gzipSync(content, { level: 9 }));
        const params = { [zlib.BROTLI_PARAM_QUALITY]: 9 };
        writeFileSync(join(assets, `${name}.br`), brotliCompressSync(content, { params }));
      }
    },
  };
}
