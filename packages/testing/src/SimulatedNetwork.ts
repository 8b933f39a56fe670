/**
 * The way between machines and a simulated server: messages take time, overtake each other, come twice or not at all.
 *
 * It is crueller than TCP, which keeps the order within a connection: what holds here holds there.
 */
import { type Argument, type Connect, type ConnectionState, Redis } from "@letletme/redis"
import { ConnectionLost, fromUnknown, RedisError, Timeout } from "@letletme/redis/RedisError"
import { Effect, type Layer, type Random, Result, SubscriptionRef } from "effect"
import { Refusal, type Reply, type SimulatedServer } from "./SimulatedServer.ts"
import type { Machine, VirtualTime } from "./VirtualTime.ts"

/** What befalls messages by chance. Shares are between 0 and 1, times in milliseconds. */
export interface Weather {
  /** How long a message is on its way, at least and at most. */
  readonly delay: readonly [least: number, most: number]
  /** The share of messages that take up to `slowest` instead. */
  readonly slow: number
  readonly slowest: number
  /** The share of requests and of replies that get lost. */
  readonly lost: number
  /** The share of requests that the server carries out twice. */
  readonly twice: number
}

/** Every message arrives, soon, and once. */
export const fair: Weather = { delay: [0.2, 2], slow: 0, slowest: 0, lost: 0, twice: 0 }

/** One machine's way to the server. */
export interface Link {
  readonly layer: Layer.Layer<Redis, RedisError>
  /** `cut`: every message is refused at once; `silent`: none arrives, and nobody is told. */
  readonly become: (condition: "open" | "cut" | "silent") => void
  /** Every call under way fails; whether it was carried out is anybody's guess. */
  readonly reset: () => void
}

export interface SimulatedNetwork {
  readonly link: (name: string, machine: Machine, chance: Random.Random) => Link
  /** Whether the server runs. Calls under way fail when it stops. */
  readonly setRunning: (isRunning: boolean) => void
  readonly setWeather: (weather: Weather) => void
}

type Answer = Result.Result<unknown, RedisError>

const toText = (argument: Argument): string =>
  typeof argument === "string"
    ? Buffer.from(argument).toString("latin1")
    : typeof argument === "number"
      ? String(argument)
      : Buffer.from(argument.buffer, argument.byteOffset, argument.byteLength).toString("latin1")

const toBytes = (reply: Reply): unknown =>
  typeof reply === "string"
    ? Buffer.from(reply, "latin1")
    : reply === null || typeof reply === "number"
      ? reply
      : reply.map(toBytes)

/** What is told of a command that was carried out. */
export interface Carried {
  readonly by: string
  readonly command: ReadonlyArray<string>
  readonly reply: Reply
}

/** Lays the lines to a server. */
export const make = (options: {
  readonly time: VirtualTime
  readonly server: SimulatedServer
  readonly commandTimeout: number
  readonly tell: (carried: Carried) => void
}): SimulatedNetwork => {
  const { commandTimeout, server, tell, time } = options
  let weather = fair
  let isRunning = true
  const links = new Set<Link>()

  const link: SimulatedNetwork["link"] = (name, machine, chance) => {
    let condition: "open" | "cut" | "silent" = "open"
    const underWay = new Set<(why: string) => void>()
    const happens = (share: number): boolean => share > 0 && chance.nextDoubleUnsafe() < share
    const between = (least: number, most: number): number => least + chance.nextDoubleUnsafe() * (most - least)
    const trip = (): number => (happens(weather.slow) ? between(0, weather.slowest) : between(...weather.delay))

    const execute = (command: ReadonlyArray<string>): Answer => {
      try {
        const reply = server.execute(command)
        tell({ by: name, command, reply })
        return Result.succeed(toBytes(reply))
      } catch (error) {
        if (error instanceof Refusal) return Result.fail(fromUnknown(command[0] ?? "", error))
        throw error
      }
    }

    const send = (command: string, args: ReadonlyArray<Argument>, isBlocking: boolean) =>
      Effect.callback<unknown, RedisError>((resume) => {
        const words = [command, ...args.map(toText)]
        let isOver = false
        const cleanUp: Array<() => void> = []
        const end = (answer: Answer): void => {
          if (isOver) return
          isOver = true
          underWay.delete(lose)
          for (const clean of cleanUp) clean()
          machine.deliver(() => resume(Effect.fromResult(answer)))
        }
        const lose = (detail: string): void =>
          end(Result.fail(new RedisError({ reason: new ConnectionLost({ command, detail }) })))

        const reply = (answer: Answer): void => {
          if (condition === "silent" || happens(weather.lost)) return
          time.after(trip(), () => {
            if (condition === "open") end(answer)
          })
        }

        /** Waits at the server until a stream has more, or the time that the command names is over. */
        const block = (): void => {
          const millis = Number(words[words.indexOf("BLOCK") + 1])
          const stopTimer = time.after(millis, () => {
            stopListening()
            reply(Result.succeed(null))
          })
          let stopListening = () => {}
          const look = (): void => {
            const found = execute(words)
            if (Result.isSuccess(found) && found.success === null) stopListening = server.onAppend(look)
            else {
              stopTimer()
              reply(found)
            }
          }
          cleanUp.push(() => {
            stopListening()
            stopTimer()
          })
          look()
        }

        const arrive = (): void => {
          if (!isRunning || condition !== "open") return
          if (words.includes("BLOCK")) {
            if (!isOver) block()
          } else reply(execute(words))
        }

        underWay.add(lose)
        if (!isBlocking) {
          cleanUp.push(
            time.after(commandTimeout, () =>
              end(Result.fail(new RedisError({ reason: new Timeout({ command, detail: "no reply" }) })))
            )
          )
        }
        if (!isRunning || condition === "cut") time.after(0.5, () => lose("connection refused"))
        else if (condition === "open") {
          if (!happens(weather.lost)) time.after(trip(), arrive)
          if (happens(weather.twice) && !words.includes("BLOCK")) {
            time.after(trip(), () => {
              if (isRunning) execute(words)
            })
          }
        }
        return Effect.sync(() => {
          isOver = true
          underWay.delete(lose)
          for (const clean of cleanUp) clean()
        })
      })

    const reset = (): void => {
      for (const lose of underWay) lose("the connection was reset")
    }

    const connect: Connect = ({ isBlocking }) =>
      Effect.map(SubscriptionRef.make<ConnectionState>({ _tag: "Ready" }), (state) => ({
        send: (command, args) => send(command, args, isBlocking),
        state,
        reset: Effect.void,
        subscribe: () => Effect.die("The simulated server has no channels")
      }))

    const made: Link = {
      layer: Redis.layerOver(connect),
      become: (next) => {
        condition = next
        if (next === "cut") reset()
      },
      reset
    }
    links.add(made)
    return made
  }

  return {
    link,
    setRunning: (next) => {
      isRunning = next
      if (!next) for (const one of links) one.reset()
    },
    setWeather: (next) => {
      weather = next
    }
  }
}
