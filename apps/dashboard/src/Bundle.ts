/**
 * The page's files, made from its sources when they are first asked for: nothing that was generated is kept in the
 * repository.
 */
import { Context, Effect, Layer, Schema } from "effect"
import { build } from "esbuild"
import { createHash } from "node:crypto"
import { readFile } from "node:fs/promises"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { brotliCompress } from "node:zlib"

/** The page could not be made. */
export class BundleError extends Schema.TaggedError<BundleError>()("BundleError", { detail: Schema.String }) {
  override get message(): string {
    return `The page could not be made: ${this.detail}. Install the packages again (npm start does).`
  }
}

/** A file as it is sent. */
export interface Asset {
  readonly type: string
  readonly bytes: Uint8Array
  /** The same, compressed by Brotli. */
  readonly brotli: Uint8Array
  /** Tells one version from another, in quotes, as the header `ETag` has it. */
  readonly etag: string
}

const compress = promisify(brotliCompress)
const page = fileURLToPath(new URL("../page", import.meta.url))

const asset = async (type: string, bytes: Uint8Array): Promise<Asset> => ({
  type,
  bytes,
  brotli: await compress(bytes),
  etag: `"${createHash("sha256").update(bytes).digest("base64url").slice(0, 22)}"`
})

const make = async (): Promise<ReadonlyMap<string, Asset>> => {
  const { outputFiles } = await build({
    absWorkingDir: page,
    entryPoints: { dashboard: "main.tsx", style: "style.css" },
    outdir: "out",
    write: false,
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    // What the warmer describes is read from its sources: nothing else has to be built first.
    conditions: ["@letletme/source", "module"],
    jsx: "automatic",
    jsxImportSource: "preact",
    legalComments: "none",
    logLevel: "silent"
  })
  const html = asset("text/html; charset=utf-8", await readFile(`${page}/index.html`))
  const others = outputFiles.map(async ({ contents, path }) => {
    const isScript = path.endsWith(".js")
    const type = isScript ? "text/javascript; charset=utf-8" : "text/css; charset=utf-8"
    return [isScript ? "/dashboard.js" : "/style.css", await asset(type, contents)] as const
  })
  return new Map([["/", await html], ...(await Promise.all(others))])
}

/** The page's files by their paths. */
export class Bundle extends Context.Service<
  Bundle,
  { readonly files: Effect.Effect<ReadonlyMap<string, Asset>, BundleError> }
>()("@letletme/dashboard/Bundle") {
  /** Makes them once, when they are first asked for. */
  static readonly layer: Layer.Layer<Bundle> = Layer.effect(
    this,
    Effect.map(
      Effect.cached(
        Effect.tryPromise({
          try: make,
          catch: (error) => new BundleError({ detail: error instanceof Error ? error.message : String(error) })
        })
      ),
      (files) => Bundle.of({ files })
    )
  )
}
