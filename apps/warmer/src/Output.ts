/**
 * Answers: tables and sentences for a person, one JSON document for a machine. Logs and progress go to standard error.
 */
import type { WarmStage } from "@letletme/cache"
import type { Standing } from "@letletme/fpl"
import { wrap } from "@letletme/command"
import { Console, Effect, Schema, Stream } from "effect"

/** Something did not go well. What was found is already printed; the exit code says the rest. */
export class Failed extends Schema.TaggedError<Failed>()("Failed", { message: Schema.String }) {}

/** Prints the answer once, in the form that was asked for. */
export const answer = (json: boolean, document: unknown, text: () => string): Effect.Effect<void> =>
  Console.log(json ? JSON.stringify(document, null, 2) : text())

/** A sentence in lines that fit. */
export const sentence = (text: string): string => wrap(text, 80).join("\n")

/** A number, or one with its unit, or none where there might be one. */
const isNumber = (cell: string | number | undefined): boolean =>
  typeof cell === "number" || (cell !== undefined && /^(?:–|-?[\d.]+(?: [KMG]?i?B)?)$/.test(cell))

/** Lays out rows in columns; numbers to the right. */
export const columns = (head: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<string | number>>): string => {
  const texts = rows.map((row) => row.map(String))
  const widths = head.map((name, column) => Math.max(name.length, ...texts.map((row) => row[column]?.length ?? 0)))
  const isNumeric = head.map((_, column) => rows.length > 0 && rows.every((row) => isNumber(row[column])))
  const line = (cells: ReadonlyArray<string>) =>
    cells
      .map((cell, column) =>
        isNumeric[column] === true ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0)
      )
      .join("  ")
      .trimEnd()
  return [line(head), line(widths.map((width) => "─".repeat(width))), ...texts.map(line)].join("\n")
}

/** A table without the columns that have nothing but zeros: what did not happen. */
export const withoutZeros = (
  head: ReadonlyArray<string>,
  rows: ReadonlyArray<ReadonlyArray<string | number>>
): [ReadonlyArray<string>, ReadonlyArray<ReadonlyArray<string | number>>] => {
  const isKept = (_: unknown, column: number) => rows.some((row) => row[column] !== 0)
  return [head.filter(isKept), rows.map((row) => row.filter(isKept))]
}

/** A league table for a terminal. */
export const table = ({ provisional, rows }: Standing.Standing): string => {
  const body = columns(
    ["#", "Team", "P", "W", "D", "L", "GF", "GA", "GD", "Pts", ""],
    rows.map((row) => [
      row.position,
      row.name,
      row.played,
      row.won,
      row.drawn,
      row.lost,
      row.goalsFor,
      row.goalsAgainst,
      row.goalDifference,
      row.points,
      [row.provisional ? "*" : "", row.deducted > 0 ? `−${row.deducted}` : ""].join(" ").trim()
    ])
  )
  return provisional ? `${body}\n* a result is provisional` : body
}

const width = 30

/**
 * Draws the progress of what it names, such as `Warming`, on standard error: a bar in a terminal, a line per quarter
 * elsewhere. It goes on until the scope ends.
 */
export const showProgress = Effect.fnUntraced(
  function* (what: string, progress: Stream.Stream<WarmStage.Progress>) {
    const isTerminal = process.stderr.isTTY
    let startedAt = Date.now()
    let quarter = 0
    yield* Stream.runForEach(progress, ({ done, stage, total }) =>
      Effect.suspend(() => {
        if (total === 0) {
          quarter = 0
          startedAt = Date.now()
          if (isTerminal) process.stderr.write("\r\u001b[K")
          return Effect.void
        }
        const share = done / total
        const seconds = (Date.now() - startedAt) / 1000
        const rate = seconds > 0 ? Math.round(done / seconds) : 0
        if (isTerminal) {
          const full = Math.round(share * width)
          const bar = "█".repeat(full) + "░".repeat(width - full)
          const left = rate > 0 ? `, ${Math.ceil((total - done) / rate)} s left` : ""
          process.stderr.write(`\r\u001b[K${bar} ${done}/${total} ${stage} (${rate}/s${left})`)
          return Effect.void
        }
        if (Math.floor(share * 4) <= quarter) return Effect.void
        quarter = Math.floor(share * 4)
        return Effect.logInfo(`${what}: ${done} of ${total} entries (${rate}/s), at ${stage}`)
      })
    )
  },
  (drawing) => Effect.forkScoped(drawing)
)
