/**
 * Faults in the protocol, put in on purpose, to see whether the simulation finds them.
 *
 * A fault is an edit of the shipped source, made while Node loads it: what runs is the shipped code with one mistake.
 * So no switch for mistakes has to be in the code that is shipped, and the table cannot grow stale unseen.
 */
import { apply, edit, type SourceEdit } from "@letletme/testing/SourceEdit"

/** A mistake with a name. */
export interface Fault {
  readonly name: string
  /** What is wrong, in words. */
  readonly mistake: string
  readonly edits: ReadonlyArray<SourceEdit>
}

/** From here on, a module that the fault concerns is loaded with its edits. Before that nothing of it may be loaded. */
export const putIn = ({ edits, name }: Fault): void => apply(`The fault "${name}"`, edits)

const asker = "cache/src/internal/Asker.ts"
const warming = "cache/src/internal/Warming.ts"
const loader = "cache/src/internal/Loader.ts"
const landing = "cache/src/internal/Landing.ts"
const tiers = "cache/src/internal/Tiers.ts"
const shelf = "cache/src/internal/Shelf.ts"
const nearCache = "cache/src/internal/NearCache.ts"
const scripts = "cache/src/internal/scripts.ts"
const liveView = "cache/src/LiveView.ts"
const view = "cache/src/View.ts"
const recording = "cache/src/Recording.ts"
const manager = "cache/src/CacheManager.ts"
const redisLog = "cache/src/RedisLog.ts"
const writer = "cache/src/internal/Writer.ts"
const leases = "cache/src/internal/Leases.ts"

// Whoever waits for a load checks what it came to. Faults that are about what is waited for leave that out too.
const unchecked = edit(
  loader,
  "if (view.isValid(entry.stamp, entry.tags)) return Effect.succeed(entry)",
  "if (entry !== undefined) return Effect.succeed(entry)"
)

/** Every fault, in the order of the promises that it breaks. */
export const faults: ReadonlyArray<Fault> = [
  {
    name: "stamp-after-read",
    mistake: "an entry is stamped when its lookup answers, not before it asks",
    edits: [edit(landing, "const { stamp } = recorder", "const stamp = live.view.position")]
  },
  {
    name: "stamp-after-warming",
    mistake: "a batch that is warmed is stamped when its lookup answers, not before it asks",
    edits: [
      edit(
        warming,
        "        recorder,\n        fence,",
        "        recorder: Recording.forLoad(live.view.position, false),\n        fence,"
      )
    ]
  },
  {
    name: "gap-ignored",
    mistake: "the view moves on over entries that it did not get",
    edits: [edit(view, "else if (entry.position > position) complete = false", "else position = entry.position")]
  },
  {
    name: "restart-trusted",
    mistake: "another run of the server, or an older copy, goes on with the same log",
    edits: [edit(scripts, "known[3] ~= run or seen > head or lastId > head", "false")]
  },
  {
    name: "stale-input-fresh",
    mistake: "what is computed from a stale input is stamped as if the input were fresh",
    edits: [
      edit(recording, "if (!valid && read.stamp < lowest) lowest = read.stamp", ""),
      edit(
        recording,
        "for (const tag of read.tags) tags.add(tag)",
        "if (valid) for (const tag of read.tags) tags.add(tag)"
      )
    ]
  },
  {
    name: "inputs-unrecorded",
    mistake: "an entry does not carry the tags of what its lookup read",
    edits: [edit(recording, "for (const tag of read.tags) tags.add(tag)", "")]
  },
  {
    name: "prefix-dropped",
    mistake: "an invalidated pattern reaches nothing below it",
    edits: [edit(view, "if (above !== undefined && above > last) last = above", "")]
  },
  {
    name: "coarsening-lost",
    mistake: "tags above the bound are cut off instead of coarsened",
    edits: [
      edit(
        shelf,
        "...Tag.coarsen(others, config.maxTagsPerEntry - 1)",
        "...[...others].slice(0, config.maxTagsPerEntry - 1)"
      ),
      edit(shelf, "if (!known.every((tag) => carries(read.success, tag))) stamp = -1", "")
    ]
  },
  {
    name: "lease-is-truth",
    mistake: "what the holder of the lease stored is taken without a check",
    edits: [
      edit(
        loader,
        'if (!isNew || shelf.stateOf(entry, now, trusted, Number.POSITIVE_INFINITY) !== "fresh") return true',
        "if (entry === undefined) return true"
      ),
      unchecked
    ]
  },
  {
    name: "late-writer",
    mistake: "a write of an older revision replaces a newer one",
    edits: [
      edit(scripts, "if isLate or (time > 0 and", "if false and (time > 0 and"),
      edit(writer, 'verdict = "superseded"', 'verdict = "changed"')
    ]
  },
  {
    name: "order-forgotten",
    mistake: "the order of writers is known only as long as the newer entry is there",
    edits: [edit(scripts, "local isLate = time > 0 and wasAnnounced(key, time, sequence)", "local isLate = false")]
  },
  {
    name: "since-ignored",
    mistake: "a value from before the log began anew is stored",
    edits: [edit(scripts, "preparedAt < floor or (isHere", "(isHere")]
  },
  {
    name: "floor-not-raised",
    mistake: "the view does not raise its floor",
    edits: [edit(view, "if (to <= floor) return", "if (to > 0) return")]
  },
  {
    name: "near-unchecked",
    mistake: "a hit in process memory is not checked against the view",
    edits: [edit(nearCache, "if (!view.isStillValid(number(slot, stampAt), tagsAt(slot), checked)) return false", "")]
  },
  {
    name: "version-stands-still",
    mistake: "a mark does not change the view's version, so that old checks go on counting",
    edits: [edit(view, "if (at > newest) newest = at\n    version++", "if (at > newest) newest = at")]
  },
  {
    name: "snapshot-unchecked",
    mistake: "a snapshot is not checked when its last read is done",
    edits: [
      edit(
        manager,
        "const isWhole = !recorder.isTorn && recorder.reads.every(({ stamp, tags }) => view.isValid(stamp, tags))",
        "const isWhole = true"
      )
    ]
  },
  {
    name: "snapshot-ahead",
    mistake: "a snapshot, or a load, mixes what is newer than the view with what is older",
    edits: [
      edit(manager, "Math.max(view.position, recorder.upTo),", "view.position,"),
      edit(landing, "live.view.position < recorder.highest ||", "false ||")
    ]
  },
  {
    name: "any-load-joined",
    mistake: "a caller joins whatever load is under way",
    edits: [edit(loader, "        : known.sequence > arrival ||", "        : true ||"), unchecked]
  },
  {
    name: "joined-untrusted",
    mistake: "a process that lost the log joins loads that began before it did",
    edits: [edit(loader, "(live.isTrusted(clock.currentTimeMillisUnsafe()) &&", "(true &&")]
  },
  {
    name: "marks-apart",
    mistake: "head and marks are in two keys, one of which may be lost",
    edits: [
      edit(
        scripts,
        "redis.call('HSET', tableKey, unpack(marks))\nredis.call('XADD'",
        "redis.call('HSET', tableKey, '#head', at)\nredis.call('HSET', tableKey .. ':marks', unpack(marks))\nredis.call('XADD'"
      ),
      edit(
        redisLog,
        'const flat = yield* Effect.mapError(decodeHash(reply), malformed("Reading the table"))\n        const marks',
        'const flat = [...(yield* redis.send("HGETALL", `${table}:marks`)), ...reply]\n        const marks'
      ),
      edit(
        "testing/src/simulation/Misfortune.ts",
        'server.execute(["DEL", "{letletme}:table"])',
        'server.execute(["DEL", "{letletme}:table:marks"])'
      )
    ]
  },
  {
    name: "table-torn",
    mistake: "a table that vanished while it was read counts as an empty one",
    edits: [edit(redisLog, "if (position < head || floor < lowest) {", "if (false) {")]
  },
  {
    name: "positions-reused",
    mistake: "after the table was lost, positions begin at one again",
    edits: [edit(scripts, "fresh = math.max(fresh, (head or 0) + 1, seen + 1, lastId + 1)", "fresh = 1")]
  },
  {
    name: "compaction-greedy",
    mistake: "compaction forgets marks above the floor",
    edits: [
      edit(scripts, "if mark and mark <= to then", "if mark then"),
      edit(redisLog, 'Number.parseInt(flat[index + 1] ?? "", 10) <= floor', "true")
    ]
  },
  {
    name: "own-append-unseen",
    mistake: "an append is acknowledged before the process's own view has it",
    edits: [edit(liveView, "yield* absorb(appended, askedAt)", "")]
  },
  {
    name: "heartbeat-only-alive",
    mistake: "the heartbeat confirms the view because the server answers, whatever its head is",
    edits: [
      edit(liveView, "if (view.position < progress.head || view.floor < progress.floor) return yield* snapshot", ""),
      edit(liveView, "if (!complete) yield* snapshot", "")
    ]
  },
  {
    name: "trust-never-lost",
    mistake: "a view that hears nothing any more is trusted all the same",
    edits: [edit(liveView, "now - confirmedAt <= config.maxStaleness && now >= confirmedAt", "true")]
  },
  {
    name: "strong-asks-nobody",
    mistake: "a strong read that does not learn the head goes by the view that there is",
    edits: [
      edit(
        tiers,
        "const trusted = isStrong ? isCaughtUp : live.isTrusted(now)\n      const exact = isStrong && !isCaughtUp",
        "const trusted = live.isTrusted(now)\n      const exact = false"
      )
    ]
  },
  {
    name: "strong-inputs-weak",
    mistake: "what a strong read computes is made of inputs that nobody checked",
    edits: [edit(recording, "    isSnapshot: false,\n    isExact,", "    isSnapshot: false,\n    isExact: false,")]
  },
  {
    name: "after-ignored",
    mistake: "a read does not wait for the position that it is given",
    edits: [edit(tiers, "yield* live.reach(options.after, bound)", "")]
  },
  {
    name: "loaded-is-announced",
    mistake: "an update that finds its value loaded counts as unchanged",
    edits: [edit(writer, '(current.announced || lookupAnswers === "announced") &&', "")]
  },
  {
    name: "failure-stored",
    mistake: "a failed lookup is stored as absent",
    edits: [
      edit(
        asker,
        "loading([one], own ?? askOne(one), recorder)",
        'loading([one], Effect.catch(own ?? askOne(one), () => Effect.succeed({ _tag: "Absent" })), recorder)'
      )
    ]
  },
  {
    name: "no-lease",
    mistake: "every process loads for itself",
    edits: [
      edit(
        leases,
        "const taken = new Set(lessees.filter((_, index) => holders[index] === undefined))",
        "return new Set(lessees)"
      )
    ]
  },
  {
    name: "lease-of-the-client",
    mistake: "a lease does not belong to a load: whoever ends gives back what another holds",
    edits: [
      edit(scripts, "if redis.call('GET', key) == ARGV[index] then released", "if redis.call('GET', key) then released")
    ]
  },
  {
    name: "lease-of-then",
    mistake: "a load that waited for another begins with the stamp of when it came",
    edits: [
      edit(loader, "flight.stamp = view.position", ""),
      edit(loader, "flight.recorder = Recording.forLoad(view.position, flight.wanted.exact)", "")
    ]
  },
  {
    name: "lease-kept",
    mistake: "a lease is not given back",
    edits: [edit(leases, "return lessees.length === 0 || live.isBroken()\n", "return true\n")]
  },
  {
    name: "racy-fills-refused",
    mistake: "what was loaded is never stored",
    edits: [
      edit(
        landing,
        "if (live.view.position < recorder.highest || !live.view.isValid(stamp, entry.tags)) return { entry }",
        "if (stamp > -1) return { entry }"
      )
    ]
  }
]
