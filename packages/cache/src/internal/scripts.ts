/**
 * The Lua of the protocol. `append` is the only script that the log needs for writing; `sync` finds out what a view has
 * missed; `fill` keeps a late writer from replacing what came after it.
 *
 * The table is one hash: `#head`, `#floor`, `#run`, `#format`, and a field per tag. With the tags in a key of their own, an
 * eviction of them alone would make what was invalidated look valid.
 */
import { Script } from "@letletme/redis"
import { Schema } from "effect"
import { Position } from "../Position.ts"

/** What the scripts answer of a log entry: its id and its fields. */
const StreamEntry = Schema.Tuple([Schema.String, Schema.Array(Schema.String)])

/**
 * Refuses a log of a later format, whatever else is true of it: docs/wire-format.md. Learns head and floor, and begins a new incarnation where the table is gone, belongs to another run of the server, or
 * is behind the log or what the asking process has heard of: then it was put back from a copy. Its first position is the
 * server's time in microseconds, or one more than any position known of, so that none is given out twice.
 *
 * The first argument of each is two positions, "from seen": the view's own, after which it wants the entries, and the
 * highest that it has heard of, which is beyond its own where entries are missing between.
 */
const prelude = `
local tableKey, logKey = KEYS[1], KEYS[2]
local asked, seen = string.match(ARGV[1], '^(%d+) (%d+)$')
seen = tonumber(seen)
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
local known = redis.call('HMGET', tableKey, '#head', '#floor', '#run', '#format')
if known[4] and known[4] ~= '1' then
  return redis.error_reply('FORMAT the log of this namespace has the format ' .. known[4] .. ', and this release knows 1')
end
local head, floor = tonumber(known[1]), tonumber(known[2])
local last = redis.call('XREVRANGE', logKey, '+', '-', 'COUNT', 1)
local lastId = last[1] and tonumber(string.match(last[1][1], '^%d+')) or 0
if not head or not floor or known[3] ~= run or seen > head or lastId > head then
  local time = redis.call('TIME')
  local fresh = time[1] * 1000000 + time[2]
  fresh = math.max(fresh, (head or 0) + 1, seen + 1, lastId + 1)
  head, floor = fresh, fresh
  local text = string.format('%.0f', fresh)
  redis.call('DEL', tableKey, logKey)
  redis.call('HSET', tableKey, '#head', text, '#floor', text, '#run', run, '#format', '1')
  redis.call('XADD', logKey, text .. '-0', 'floor', text, 'cause', 'incarnation', 'by', run)
end
local function text(position) return string.format('%.0f', position) end
local function entries()
  return redis.call('XRANGE', logKey, '(' .. asked .. '-0', '+', 'COUNT', 1000)
end
`

/** Arguments: the view's positions. */
export const sync = Script.make({
  name: "cache.sync",
  lua: `${prelude}
return { text(head), text(floor), entries() }`,
  reply: Schema.Tuple([Position, Position, Schema.Array(StreamEntry)])
})

// Reads what an entry's header says of itself: stamp and revision, if its check digits are right.
const held = `
local function heldOf(key)
  local line = redis.call('GETRANGE', key, 0, 160)
  local stamp, check, time, sequence =
    string.match(line, '^LLC1 (%d+) (%d+) %x+ %d+ %d+ %d+ (%d+)%.(%d+) ')
  stamp = tonumber(stamp)
  if not stamp or stamp % 999983 ~= tonumber(check) then return nil end
  return stamp, tonumber(time), tonumber(sequence)
end
local function isNewer(key, stamp, time, sequence)
  local heldStamp, heldTime, heldSequence = heldOf(key)
  if not heldStamp then return false end
  if time > 0 and heldTime ~= time then return heldTime > time end
  if time > 0 and heldSequence ~= sequence then return heldSequence > sequence end
  return heldStamp > stamp
end
`

// A write under a fence counts only while that leadership lasts. Nobody leads after the table was lost.
const fenced = `
local function isFenced(tableKey, fence)
  if fence == '0' then return false end
  local known, till = string.match(redis.call('HGET', tableKey, '#leader') or '', '^(%d+) (%d+) ')
  local time = redis.call('TIME')
  return known ~= fence or time[1] * 1000000 + time[2] > tonumber(till)
end
`

/**
 * What was announced of a key is remembered in the table, under a name that no tag can have, as "position time.number":
 * an entry may be evicted, or loaded anew by a lookup that states no revision, and the order of writers must hold. What
 * is done once is remembered in the same way, as Kafka's idempotent producer does.
 *
 * Keys: table, log, then those of the writes where they are on the same server; else none, and the caller fills what is
 * not refused, sealed with the position that it is answered. Arguments: the view's positions, the log's length, cause,
 * process, the numbers of tags and writes, the name under which it is done once (or nothing), the fence (0: none; one that is over is answered with position 0), the trace (or nothing), the tags (none: the revisions are stated, nothing is appended or written), then for each
 * write: its key, the position at which it was prepared, revision time, revision number, time to live (ms), body.
 */
export const append = Script.make({
  name: "cache.append",
  lua: `${prelude}${held}${fenced}
local tagCount = tonumber(ARGV[5])
local once = '*!' .. ARGV[7]
if ARGV[7] ~= '' then
  local done = redis.call('HGET', tableKey, once)
  if done then return { done, text(head), text(floor), {}, entries() } end
end
if isFenced(tableKey, ARGV[8]) then return { '0', text(head), text(floor), {}, entries() } end
local position = head + 1
if tagCount == 0 then position = head end
local at = text(position)
local function wasAnnounced(key, time, sequence)
  local known = redis.call('HGET', tableKey, '*' .. key)
  local knownTime, knownSequence = string.match(known or '', ' (%d+)%.(%d+)$')
  knownTime, knownSequence = tonumber(knownTime), tonumber(knownSequence)
  return knownTime and (knownTime > time or (knownTime == time and knownSequence > sequence))
end
if ARGV[7] ~= '' then redis.call('HSET', tableKey, once, at) end
local marks, tags, refused, accepted = { '#head', at }, {}, {}, {}
local isHere = #KEYS > 2
for index = 1, tonumber(ARGV[6]) do
  local from = tagCount + 4 + index * 6
  local key = ARGV[from]
  local preparedAt, time, sequence = tonumber(ARGV[from + 1]), tonumber(ARGV[from + 2]), tonumber(ARGV[from + 3])
  local isLate = time > 0 and wasAnnounced(key, time, sequence)
  if time > 0 and not isLate then
    redis.call('HSET', tableKey, '*' .. key, at .. ' ' .. ARGV[from + 2] .. '.' .. ARGV[from + 3])
  end
  if isLate or (time > 0 and (preparedAt < floor or (isHere and isNewer(key, position, time, sequence)))) then
    refused[#refused + 1] = key
  elseif isHere then
    accepted[#accepted + 1] = { key, ARGV[from + 4], ARGV[from + 5] }
  end
end
for index = 10, 9 + tagCount do
  marks[#marks + 1] = ARGV[index]
  marks[#marks + 1] = at
  tags[#tags + 1] = ARGV[index]
  if #marks > 1000 then
    redis.call('HSET', tableKey, unpack(marks))
    marks = { '#head', at }
  end
end
if tagCount == 0 then return { at, at, text(floor), refused, entries() } end
local trace = {}
if ARGV[9] ~= '' then trace = { 'trace', ARGV[9] } end
redis.call('HSET', tableKey, unpack(marks))
redis.call('XADD', logKey, 'MAXLEN', '~', ARGV[2], at .. '-0',
  'tags', table.concat(tags, ' '), 'cause', ARGV[3], 'by', ARGV[4], unpack(trace))
local sealed = 'LLC1 ' .. at .. ' ' .. text(position % 999983) .. ' '
for _, write in ipairs(accepted) do
  redis.call('SET', write[1], sealed .. write[3], 'PX', write[2])
end
return { at, at, text(floor), refused, entries() }`,
  reply: Schema.Tuple([Position, Position, Position, Schema.Array(Schema.String), Schema.Array(StreamEntry)])
})

/** Arguments: the view's positions, the floor, the log's length, process, then fields that may go. */
export const compact = Script.make({
  name: "cache.compact",
  lua: `${prelude}
local to = tonumber(ARGV[2])
if to <= floor or to > head then return 0 end
local at = text(head + 1)
redis.call('HSET', tableKey, '#head', at, '#floor', ARGV[2])
redis.call('XADD', logKey, 'MAXLEN', '~', ARGV[3], at .. '-0', 'floor', ARGV[2], 'cause', 'compaction', 'by', ARGV[4])
for index = 5, #ARGV do
  local mark = tonumber(string.match(redis.call('HGET', tableKey, ARGV[index]) or '', '^%d+'))
  if mark and mark <= to then redis.call('HDEL', tableKey, ARGV[index]) end
end
return 1`,
  reply: Schema.Int
})

/**
 * Takes the lease, or goes on with it. Arguments: the view's positions, the log's length, process, for how long (ms),
 * the candidate, the fence to go on with (or 0). Answers fence, time left (microseconds) and holder. The fence is a
 * position of the log, which gives out none twice.
 */
export const lead = Script.make({
  name: "cache.lead",
  lua: `${prelude}
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local fence, till, holder = string.match(redis.call('HGET', tableKey, '#leader') or '', '^(%d+) (%d+) (.*)$')
local left = tonumber(till or '0') - now
if left > 0 and holder ~= ARGV[5] then return { fence, text(left), holder } end
if left <= 0 or fence ~= ARGV[6] then
  fence = text(head + 1)
  redis.call('HSET', tableKey, '#head', fence)
  redis.call('XADD', logKey, 'MAXLEN', '~', ARGV[2], fence .. '-0', 'cause', 'lead ' .. ARGV[5], 'by', ARGV[3])
end
left = ARGV[4] * 1000
redis.call('HSET', tableKey, '#leader', fence .. ' ' .. text(now + left) .. ' ' .. ARGV[5])
return { fence, text(left), ARGV[5] }`,
  reply: Schema.Tuple([Position, Schema.FiniteFromString, Schema.String])
})

/** Keys: the table. Argument: the fence of the leadership that ends. */
export const resign = Script.make({
  name: "cache.resign",
  lua: `
local fence = string.match(redis.call('HGET', KEYS[1], '#leader') or '', '^%d+')
if fence == ARGV[1] then return redis.call('HDEL', KEYS[1], '#leader') end
return 0`,
  reply: Schema.Int
})

/**
 * Keys: those of the entries, then the table, if it is on the same server. Arguments for each entry: bytes, time to live
 * (ms), fence (0: none), and stamp, revision time and revision number (nothing: whatever is held is overwritten). Answers
 * 1 for each that was stored.
 */
export const fill = Script.make({
  name: "cache.fill",
  lua: `${held}${fenced}
local stored = {}
local count = #KEYS
if #ARGV < count * 4 then count = count - 1 end
local tableKey = KEYS[count + 1]
local lastFence, lastIsOver = '0', false
local function isOver(fence)
  if tableKey and fence ~= lastFence then
    lastFence, lastIsOver = fence, isFenced(tableKey, fence)
  end
  return lastIsOver
end
local function isLate(key, order)
  if order == '' or redis.call('GETRANGE', key, 0, 0) == '' then return false end
  local stamp, time, sequence = string.match(order, '^(.+) (%d+) (%d+)$')
  return isNewer(key, tonumber(stamp), tonumber(time), tonumber(sequence))
end
for index = 1, count do
  local key, at = KEYS[index], (index - 1) * 4
  if isOver(ARGV[at + 3]) or isLate(key, ARGV[at + 4]) then
    stored[index] = 0
  else
    redis.call('SET', key, ARGV[at + 1], 'PX', ARGV[at + 2])
    stored[index] = 1
  end
end
return stored`,
  reply: Schema.Array(Schema.Literals([0, 1]))
})

/** Keys: those of the entries. Arguments: the bytes that each is to hold. Answers 1 for each that did, and was deleted. */
export const discard = Script.make({
  name: "cache.discard",
  lua: `
local deleted = {}
for index, key in ipairs(KEYS) do
  if redis.pcall('GET', key) == ARGV[index] then
    deleted[index] = redis.call('UNLINK', key)
  else
    deleted[index] = 0
  end
end
return deleted`,
  reply: Schema.Array(Schema.Literals([0, 1]))
})

/** Keys: those of the leases. Arguments: time to live (ms), then for each its holder and whom it is taken from. */
export const lease = Script.make({
  name: "cache.lease",
  lua: `
local holders = {}
for index, key in ipairs(KEYS) do
  local at = index * 2
  local held = redis.call('GET', key)
  if held and held ~= ARGV[at + 1] then
    holders[index] = held
  else
    redis.call('SET', key, ARGV[at], 'PX', ARGV[1])
    holders[index] = ''
  end
end
return holders`,
  reply: Schema.Array(Schema.String)
})

/** Keys: those of the leases. Arguments: their holders. */
export const release = Script.make({
  name: "cache.release",
  lua: `
local released = 0
for index, key in ipairs(KEYS) do
  if redis.call('GET', key) == ARGV[index] then released = released + redis.call('DEL', key) end
end
return released`,
  reply: Schema.Int
})
