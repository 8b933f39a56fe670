/**
 * `verify`: every entry beside the source, every key of the namespace, and with `--repair` what is not right mended.
 */
import { Integrity, type Report } from "@letletme/cache"
import { Effect } from "effect"
import { answer, columns, Failed, sentence, showProgress, withoutZeros } from "../Output.ts"

const shown = 20
const verdicts = ["valid", "restamped", "stale", "corrupt", "missing", "orphaned", "undecided"] as const

/** A report for a person: a row for each domain and list, and the first findings. */
export const describe = (report: Report): string => {
  const { domains, failures, findings, foreign, mended, millis, otherSchema, total } = report
  const count = (what: string, number: number) => (number === 0 ? [] : [`${what}: ${number}`])
  const rest = [
    ...count("foreign keys", foreign),
    ...count("of another schema, and left alone", otherSchema),
    ...count("mended", mended)
  ]
  const head = ["domain", "total", ...verdicts, "mended"]
  const rows = domains.map(({ domain, found, mended: put, total: all }) => [
    domain,
    all,
    ...verdicts.map((verdict) => found[verdict]),
    put
  ])
  const more = findings.length > shown ? [`… ${findings.length - shown} more: --json lists up to 1,000.`] : []
  return [
    sentence(`${[`${total} entries in ${millis} ms`, ...rest].join("; ")}.`),
    "",
    columns(...withoutZeros(head, rows)),
    ...(findings.length === 0 ? [] : [""]),
    ...findings.slice(0, shown).map(({ detail, key, verdict }) => sentence(`${verdict}: ${key}. ${detail}`)),
    ...more,
    ...failures.map(sentence)
  ].join("\n")
}

/** Looks at everything; with `repair`, mends what is not right and looks again. */
export const verify = Effect.fn("verify")(function* (options: { readonly repair: boolean; readonly json: boolean }) {
  const integrity = yield* Integrity
  yield* showProgress(options.repair ? "Repairing" : "Verifying", integrity.progress)
  if (!options.repair) {
    const report = yield* integrity.verify
    yield* answer(options.json, report, () => describe(report))
    if (!report.isClean) return yield* new Failed({ message: "Not everything is right: `verify --repair` mends it." })
    return
  }
  const repair = yield* integrity.repair
  const { first, second } = repair
  yield* answer(options.json, repair, () =>
    first.isClean
      ? describe(first)
      : [
          describe(first),
          "",
          second.isClean ? "A second pass finds everything right." : `Again: ${describe(second)}`
        ].join("\n")
  )
  if (!second.isClean) {
    return yield* new Failed({
      message:
        "Not everything could be mended: see what the second pass found. If the source did not answer, try again."
    })
  }
}, Effect.scoped)
