/**
 * Compiles every TypeScript example of the docstrings, the READMEs and the docs, each as a file of its own.
 */
import { spawnSync } from "node:child_process"
import { globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join, relative } from "node:path"
import { root } from "./setup.mjs"

// Inside a package, so that the workspace's packages resolve as they do for an application.
const folder = join(root, "apps", "warmer", "dist", "examples")

const sources = [
  ...globSync("{packages/*,apps/api}/src/**/*.ts", { cwd: root }),
  ...globSync("docs/*.md", { cwd: root }),
  ...globSync("{,packages/*/}README.md", { cwd: root })
].toSorted()

/** The blocks of a file: in a docstring each line carries a star, which goes. */
const examplesOf = (file) => {
  const text = readFileSync(join(root, file), "utf8")
  const blocks = file.endsWith(".md")
    ? text.matchAll(/^```ts\n(.*?)^```/gms)
    : text.matchAll(/^ *\* ```ts\n(.*?)^ *\* ```/gms)
  return Array.from(blocks, ([, block]) => (file.endsWith(".md") ? block : block.replace(/^ *\* ?/gm, "")))
}

rmSync(folder, { recursive: true, force: true })
mkdirSync(folder, { recursive: true })
let count = 0
for (const file of sources) {
  for (const [index, example] of examplesOf(file).entries()) {
    const name = `${file.replace(/[^a-z0-9]+/gi, "-")}-${index + 1}.ts`
    writeFileSync(join(folder, name), `// ${file}, example ${index + 1}\n${example}\nexport {}\n`)
    count++
  }
}
writeFileSync(
  join(folder, "tsconfig.json"),
  JSON.stringify({
    extends: relative(folder, join(root, "tsconfig.base.json")),
    compilerOptions: {
      composite: false,
      incremental: false,
      noEmit: true,
      noUnusedLocals: false,
      plugins: [],
      // It depends on the package that the examples are in.
      paths: { "@letletme/api/*": [relative(folder, join(root, "apps", "api", "src", "*.ts"))] }
    },
    include: ["*.ts"]
  })
)
const { status } = spawnSync("tsc", ["-p", folder], { cwd: root, stdio: "inherit", env: process.env })
console.log(`${count} examples ${status === 0 ? "compile" : "were compiled, not all of them"}.`)
process.exit(status ?? 1)
