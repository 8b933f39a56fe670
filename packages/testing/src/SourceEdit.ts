/**
 * Changes of the shipped source, made while Node loads it: what runs is the shipped code with those changes, and none of
 * them has a switch in it. It imports nothing of what it may change.
 */
import { readFileSync } from "node:fs"
import { type LoadHookSync, registerHooks } from "node:module"
import { fileURLToPath } from "node:url"

/** A change of one place in one file. */
export interface SourceEdit {
  /** The end of the file's path. */
  readonly file: string
  readonly find: string
  readonly replace: string
}

export const edit = (file: string, find: string, replace: string): SourceEdit => ({ file, find, replace })

/**
 * From here on, a module that is edited is loaded with its edits. Before that nothing of it may be loaded. An edit whose
 * text is not found, or found twice, is an error: no edit can grow stale unseen.
 */
export const apply = (name: string, edits: ReadonlyArray<SourceEdit>): void => {
  const load: LoadHookSync = (url, context, next) => {
    const here = edits.filter(({ file }) => url.endsWith(file))
    if (here.length === 0) return next(url, context)
    let source = readFileSync(fileURLToPath(url), "utf8")
    for (const { file, find, replace } of here) {
      const parts = source.split(find)
      if (parts.length !== 2) {
        throw new Error(`"${name}" does not fit ${file}: ${parts.length - 1} places read ${find}`)
      }
      source = parts.join(replace)
    }
    return { format: "module-typescript", source, shortCircuit: true }
  }
  registerHooks({ load })
}
