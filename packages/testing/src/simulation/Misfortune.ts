/**
 * What befalls the server, the network, the processes and the source of a run.
 */
import type { Link, SimulatedNetwork } from "../SimulatedNetwork.ts"
import type { Copy, SimulatedServer } from "../SimulatedServer.ts"
import { chance, type Machine, type VirtualTime } from "../VirtualTime.ts"
import * as Plan from "./Plan.ts"

/** A process as misfortune sees it: its present life, and how it begins another. */
interface Victim {
  readonly boot: () => void
  readonly machine: () => Machine
  readonly link: () => Link | undefined
}

/** Answers what makes a trouble happen. */
export const make = (world: {
  readonly plan: Plan.Plan
  readonly time: VirtualTime
  readonly server: SimulatedServer
  readonly network: SimulatedNetwork
  readonly process: (index: number) => Victim | undefined
  readonly tell: (line: () => string) => void
  readonly shiftServerClock: (by: number) => void
  /** The shares of lookups that fail and that are slow, and until when the source may be blamed. */
  readonly setSource: (source: { readonly failing: number; readonly slow: number; readonly until: number }) => void
}): ((event: Plan.Trouble) => void) => {
  const { network, plan, process, server, setSource, shiftServerClock, tell, time } = world
  const dice = chance(plan.seed ^ 0x2545f491)
  let copy: Copy = new Map()
  const entries = () => server.keys().filter((key) => !key.startsWith("{"))

  // No trouble outlasts the last step.
  const afterwards = (millis: number, task: () => void): void => {
    time.after(Math.max(0, Math.min(millis, Plan.span - time.now())), task)
  }

  return (event) => {
    tell(() => `TROUBLE ${JSON.stringify(event)}`)
    const victim = "process" in event ? process(event.process) : undefined
    switch (event._tag) {
      case "Crash":
        victim?.machine().crash()
        if (victim !== undefined) afterwards(event.millis, victim.boot)
        return
      case "Pause": {
        const machine = victim?.machine()
        machine?.pause()
        afterwards(event.millis, () => machine?.resume())
        return
      }
      case "Link": {
        const link = victim?.link()
        link?.become(event.condition)
        afterwards(event.millis, () => link?.become("open"))
        return
      }
      case "Reset":
        return victim?.link()?.reset()
      case "Clock":
        return victim?.machine().shiftClock(event.by)
      case "Copy":
        copy = server.copy()
        return
      case "Stop": {
        const held = event.back === "empty" ? new Map() : event.back === "copy" ? copy : server.copy()
        network.setRunning(false)
        afterwards(event.millis, () => {
          server.restart(held)
          network.setRunning(true)
        })
        return
      }
      case "Failover":
        network.setRunning(false)
        server.restart(copy)
        return network.setRunning(true)
      case "ServerClock":
        shiftServerClock(event.by)
        return
      case "Flush":
        server.execute(["FLUSHALL"])
        return
      case "Evict":
        for (const key of entries()) if (dice.nextDoubleUnsafe() < event.share) server.execute(["DEL", key])
        return
      case "LoseTable":
        server.execute(["DEL", "{letletme}:table"])
        return
      case "LoseLog":
        server.execute(["DEL", "{letletme}:log"])
        return
      case "TrimLog":
        server.trim("{letletme}:log")
        return
      case "ForgetScripts":
        return server.forgetScripts()
      case "Weather":
        network.setWeather(event.weather)
        afterwards(event.millis, () => network.setWeather(plan.weather))
        return
      case "Source":
        setSource({ failing: event.failing, slow: event.slow, until: Plan.span })
        afterwards(event.millis, () => setSource({ failing: 0, slow: 0, until: time.now() }))
        return
    }
  }
}
