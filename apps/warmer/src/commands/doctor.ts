/**
 * `doctor`: what is set up wrong, how badly, and what to do.
 */
import type { Advice } from "@letletme/cache"
import { wrap } from "@letletme/command"
import { Effect } from "effect"
import { type Diagnosis, examine } from "../doctor/Doctor.ts"
import { answer, Failed } from "../Output.ts"
import type { Shared } from "../Settings.ts"

const width = 80
const indent = " ".repeat(9)

const paragraph = (head: string, text: string) =>
  wrap(text, width - indent.length)
    .map((line, index) => (index === 0 ? head : indent) + line)
    .join("\n")

const describeFinding = ({ check, found, remedy, severity }: Advice.Finding): string =>
  [paragraph(severity.padEnd(indent.length), `${check}: ${found}`), paragraph(`${indent}→ `.slice(2), remedy)].join(
    "\n"
  )

const count = (number: number, what: string) => `${number} ${what}${number === 1 ? "" : "s"}`

const describe = ({ checks, findings, skipped }: Diagnosis): string => {
  const errors = findings.filter(({ severity }) => severity === "error").length
  return [
    ...findings.map(describeFinding),
    ...skipped.map(({ because, check }) => paragraph("skipped".padEnd(indent.length), `${check}: ${because}`)),
    `${count(checks, "check")}: ${count(errors, "error")}, ${count(findings.length - errors, "warning")}.`
  ].join("\n\n")
}

/** Looks, answers, and fails where there is an error. */
export const doctor = Effect.fnUntraced(function* (shared: Shared) {
  const diagnosis = yield* examine(shared)
  yield* answer(shared.json, diagnosis, () => describe(diagnosis))
  const errors = diagnosis.findings.filter(({ severity }) => severity === "error").length
  if (errors > 0) return yield* new Failed({ message: `The doctor found ${count(errors, "error")}.` })
})
