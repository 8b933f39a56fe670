/**
 * The same attacks on every cache, in one run.
 */
import { RedisServer } from "@letletme/testing"
import { Effect } from "effect"
import * as Server from "../contest/Server.ts"
import { columns, host } from "../Report.ts"
import * as Admin from "./Admin.ts"
import { type Attack, attacks, type Outcome } from "./Attacks.ts"
import type { Peer } from "./Peer.ts"
import { ours, peers } from "./peers/all.ts"

/** One attack on one cache, with its control. */
export interface Case {
  readonly attack: string
  readonly peer: string
  /** None where the cache lacks what is attacked. */
  readonly attacked: Outcome | undefined
  readonly control: Outcome | undefined
}

const run = Effect.fnUntraced(function* (attack: Attack, peer: Peer) {
  const { port } = yield* RedisServer
  const once = (isAttacked: boolean) => {
    const effect = attack.run({ peer, port, isAttacked })
    return effect === undefined
      ? Effect.undefined
      : Effect.andThen(Admin.empty, Effect.scoped(effect)).pipe(
          Effect.timeoutOrElse({
            duration: "90 seconds",
            orElse: () =>
              Effect.fail(new Admin.AdminFailed({ message: `${attack.name}: ${peer.name} did not settle in 90 s.` }))
          })
        )
  }
  const control = yield* once(false)
  const attacked = yield* once(true)
  const outcome: Case = { attack: attack.name, peer: peer.name, attacked, control }
  yield* Effect.logInfo(
    `${attack.name}: ${peer.name}: ${cell(attack, attacked)}, without the attack ${cell(attack, control)}`
  )
  return outcome
})

/** As it stands in a table: in brackets where it goes wrong just so without the attack. */
const bracketed = (attack: Attack, { attacked, control }: Case) => {
  const text = cell(attack, attacked)
  return attacked !== undefined && control !== undefined && control.count > attack.right ? `(${text})` : text
}

const cell = (attack: Attack, outcome: Outcome | undefined) =>
  outcome === undefined ? "–" : attack.right === 1 ? `${outcome.count}` : `${outcome.count}/${outcome.of}`

/** The outcome of every attack on every cache. */
export const suite = Effect.gen(function* () {
  const cases: Array<Case> = []
  for (const attack of attacks) {
    for (const peer of peers) cases.push(yield* run(attack, peer))
  }
  const of = (attack: Attack, peer: Peer) => cases.find((one) => one.attack === attack.name && one.peer === peer.name)
  const table = (title: string, text: (attack: Attack, found: Case) => string) =>
    columns(
      [title, ...peers.map(({ short }) => short)],
      attacks.map((attack) => [
        attack.name,
        ...peers.map((peer) => {
          const found = of(attack, peer)
          return found === undefined ? "–" : text(attack, found)
        })
      ])
    )
  const wrong = attacks.filter((attack) => {
    const own = of(attack, ours)
    return own?.attacked?.count !== attack.right || own.control?.count !== attack.right
  })
  const text = [
    `${table("Stale answers after everything settled", bracketed)}\n(In brackets: stale without the attack too. –: it has no tags.)`,
    table("The same without the attack", (attack, { control }) => cell(attack, control)),
    ...peers.map(({ name, note }) => `${name}: ${note}`),
    wrong.length === 0
      ? "LetLetMe Cache was right under every attack."
      : `LetLetMe Cache was wrong: ${wrong.map(({ name }) => name).join("; ")}.`
  ].join("\n\n")
  return {
    text,
    document: { suite: "correctness", host: host(yield* Server.info("redis_version")), cases },
    isRight: wrong.length === 0
  }
}).pipe(Effect.provide(Server.layer))
