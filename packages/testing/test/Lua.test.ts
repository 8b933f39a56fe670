import { assert, describe, layer } from "@effect/vitest"
import { Redis, type RedisError } from "@letletme/redis"
import { Effect, Result } from "effect"
import { real, simulate } from "./differential/servers.ts"

/** Replies as they are compared: a character for each byte. */
const shown = (reply: unknown): unknown =>
  Buffer.isBuffer(reply) ? reply.toString("latin1") : Array.isArray(reply) ? reply.map(shown) : reply

const evaluate = (script: string, args: ReadonlyArray<string | Uint8Array> = []) =>
  Redis.use((redis) => Effect.map(redis.sendBytes("EVAL", script, 1, "key", ...args), shown))

const bytes = Uint8Array.from({ length: 256 }, (_, index) => index)

/** What the simulated server does as a real one does. */
const scripts: Readonly<Record<string, ReadonlyArray<string>>> = {
  replies: [
    "return",
    "return nil",
    "return true",
    "return false",
    "return {}",
    "return { false, true, 1 }",
    "return { {}, { 1, { 'two' } } }",
    "return { 3.99, -3.99, 0.5, -0.5 }",
    "return 1795417628541003, 2",
    "return ''",
    "local x",
    "redis.call('SET', KEYS[1], 'v')",
    "return { redis.call('GET', 'nothing'), redis.call('GET', 'nothing') == false }",
    "return redis.call('HGETALL', 'nothing')",
    "return { redis.call('DEL', 'nothing') + 1 }"
  ],
  "bytes above 127": [
    "return ARGV[1]",
    "redis.call('SET', KEYS[1], ARGV[1]) return redis.call('GET', KEYS[1])",
    "return #ARGV[1]",
    "return 'ü\\200\\0z' .. ARGV[1]",
    "return { ARGV[1] == ARGV[1], 'ü' == '\\195\\188' }",
    "return string.match(ARGV[1], '^.(.+)\\200')",
    "return table.concat({ ARGV[1], ARGV[1] }, 'ö')"
  ],
  "numbers as text": [
    "return string.format('%.0f', 9007199254740991)",
    "return string.format('%.0f', 9007199254740992)",
    "return string.format('%.0f', -9007199254740991)",
    "return string.format('%.0f', 1e22)",
    "return string.format('%.0f', '17')",
    "return string.format('%.0f', 0)",
    "return 1 .. ''",
    "return -17 .. '|' .. 99999999999999 .. '|' .. 0x1F .. '|' .. 1e3",
    "redis.call('HSET', 'numbers', 'a', 9007199254740991, 'b', -1) return redis.call('HGETALL', 'numbers')"
  ],
  "text as numbers": [
    "return { tonumber('17'), tonumber(' 17 \\n'), tonumber('-1'), tonumber('+1'), tonumber('1e3'), tonumber('017') }",
    "return { tonumber('1795417628541003'), tonumber('18.9'), tonumber('.9'), tonumber('5.'), tonumber(4.5) }",
    "return string.format('%.0f', tonumber('9007199254740991'))",
    "return tonumber('')",
    "return tonumber('1_000')",
    "return tonumber('1 2')",
    "return tonumber('1-0')",
    "return tonumber('e3')",
    "return tonumber('.')",
    "return tonumber(nil)",
    "return tonumber(false)",
    "return '10' * '2' + '1'"
  ],
  arithmetic: [
    "return { 7 % 3, -7 % 3, 7 % -3, -7 % -3, 0 % 5 }",
    "return { 5.5 % 2 * 10, -5.5 % 2 * 10 }",
    "return string.format('%.0f', 9007199254740991 % 999983)",
    "return string.format('%.0f', 1795417628541000 + 999999)",
    "return { 7 - 10, 2 * -3, 1 + 2 * 3, (1 + 2) * 3, 10 - 4 - 3 }",
    "return { - - 1, -2 + 3, -ARGV[2] }",
    "return string.format('%.0f', ARGV[2] * 1000000 + ARGV[3])",
    "return { math.max(1, 3, 2), math.max(-1), math.max('7', 5) }"
  ],
  "comparing and choosing": [
    "return { 1 == 1, 1 == '1', 'a' == 'a', nil == false, 1 ~= 2, 'a' ~= 'a', false == false }",
    "return { 1 < 2, 2 < 1, 1 <= 1, 2 > 1, 1 >= 2, 1e400 <= 1e400 }",
    "return { not nil, not false, not 0, not '' }",
    "return { 1 and 2, false or 3, 4 or 5, 0 and 'zero', '' or 'empty' }",
    "return nil and 1 == nil",
    "return { (nil or false) == false, (false and nil) == false, nil == nil and 7 }",
    "local calls = 0 local function yes() calls = calls + 1 return true end local a = yes() or yes() a = false and yes() return calls",
    "if ARGV[9] then return 1 elseif 0 then return 2 else return 3 end",
    "if false then return 1 elseif nil then return 2 else return 3 end",
    "if false then return 1 end return 4"
  ],
  variables: [
    "local a, b, c = 1, 2 return { a, b, c == nil }",
    "local a, b = 1, 2 a, b = b, a return { a, b }",
    "local a = 1 local a = a + 1 return a",
    "local a = 1 if true then local a = 2 a = a + 1 end return a",
    "local a if true then a = 2 end return a",
    "local class, new, let = 1, 2, 3 return { class, new, let }",
    "local string = 'mine' return string"
  ],
  functions: [
    "local function f(a, b) return b, a end return { f(1, 2) }",
    "local function f(a, b) return b, a end local x, y, z = f(1, 2) return { x, y, z == nil }",
    "local function f(a, b) return b, a end return { f(1, 2), f(3, 4) }",
    "local function f(a, b) return b, a end return f(1, 2) + 10",
    "local function f(a, b) return b == nil end return f(1)",
    "local function f(a) return a end return f(1, 2)",
    "local function f() end return f() == nil",
    "local function f() return end return { f() }",
    "local function f(n) if n == 0 then return 1 end return n * f(n - 1) end return f(10)",
    "local count = 0 local function f() count = count + 1 return count end f() f() return count",
    "local function f(x) local y = x return y end local a = f(1) local b = f(2) return { a, b }",
    "local function g(x) return x + 1 end local function f(h, x) return h(h(x)) end return f(g, 1)"
  ],
  tables: [
    "local t = { 1, 'two', { 3 } } return { #t, t[2], t[3][1], t[4] == nil }",
    "local t = {} t[#t + 1] = 'a' t[#t + 1] = 'b' t[1] = 'c' return t",
    "local t = {} local u = t u[1] = 1 return { #t, t == u, {} == {} }",
    "local t = { 1, 2, 3 } return { unpack(t) }",
    "local t = { 1, 2, 3 } return { unpack(t), 4 }",
    "redis.call('HSET', 'unpacked', unpack({ 'a', '1', 'b', '2' })) return redis.call('HGETALL', 'unpacked')",
    "return { table.concat({}, ' '), table.concat({ 1, 'b' }), table.concat({ 'a', 'b', 3 }, ', ') }",
    "return { #KEYS, #ARGV, KEYS[1], ARGV[2], KEYS[2] == nil }"
  ],
  loops: [
    "local t = {} for i = 3, 5 do t[#t + 1] = i end return t",
    "for i = 3, 2 do return i end return 'none'",
    "for i = 1, 3 do if i == 2 then return i end end",
    "local t = {} for i = 1, '3' do t[i] = i i = 10 end return t",
    "local t = {} for i, v in ipairs({ 'a', 'b' }) do t[#t + 1] = v .. i end return t",
    "for i, v in ipairs({}) do return v end return 'none'",
    "for i in ipairs({ 'a', 'b' }) do if i == 2 then return i end end",
    "local t = { 1 } for _, v in ipairs(t) do if v < 5 then t[#t + 1] = v + 1 end end return t",
    "local t = { 'a', false, 'c' } local n = 0 for _ in ipairs(t) do n = n + 1 end return n",
    "local t = {} for i = 1, 3 do local x if i == 1 then x = 1 end t[i] = x == nil end return t",
    "local last for i = 1, 2 do for j = 1, 2 do last = i * 10 + j end end return last"
  ],
  "string.match": [
    "return string.match('LLC1 17 5', '^LLC1 (%d+) (%d+)$')",
    "return { string.match('LLC1 17 5 ', '^LLC1 (%d+) (%d+) ') }",
    "return string.match('run_id:0aF9z', 'run_id:(%x+)')",
    "return string.match('12-0', '^%d+')",
    "return string.match('a12', '^%d+')",
    "return string.match('a12b34', '%d+')",
    "return string.match('a1.5 2.7', ' (%d+)%.(%d+)$') ",
    "return { string.match('x 1.5', ' (%d+)%.(%d+)$') }",
    "return string.match('a\\nb', '^.*$')",
    "return string.match('abc', '')",
    "return string.match('a/(b)', 'a/%((.)%)')",
    "return string.match('a%$', '%%%$$')",
    "return string.match('aaa', '^(a*)(a)$')",
    "return { string.match('key=value', '((.*)=(.*))') }",
    "return string.match(12345, '^12')",
    "return string.match('1', '^(%d*)')"
  ],
  errors: [
    "return nil + 1",
    "return {} .. 'x'",
    "return 1 < '2'",
    "return nil < 1",
    "return #nil",
    "return ARGV[9][1]",
    "local f = 1 return f()",
    "return string.match(nil, '%d')",
    "return math.max()",
    "return redis.call('NOTACOMMAND', 'text')",
    "return redis.call('GET', {})",
    "redis.call('SET', 'text', '1') return redis.call('HGET', 'text', 'a')",
    "return unpack(nil)",
    "return table.concat({ {} })",
    "return ("
  ]
}

/** What would be done in another way is not done at all: the script, and what is said of it. */
const refused: ReadonlyArray<readonly [script: string, words: string]> = [
  ["local a = 1\nwhile a < 2 do a = 2 end", "user_script:2: WhileStatement is not supported"],
  ["\n\nreturn 2 ^ 3", "user_script:3: '^' is not supported"],
  ["return 7 / 2", "user_script:1: '/' is not supported"],
  ["return math.floor(1.5)", "user_script:1: calling 'math.floor'"],
  ["return tostring(1)", "user_script:1: calling 'tostring'"],
  ["return toString(1)", "user_script:1: calling 'toString'"],
  ["return string.rep", "user_script:1: MemberExpression"],
  ["return missing", "user_script:1: the global variable 'missing'"],
  ["missing = 1", "user_script:1: the global variable 'missing'"],
  ["local t = {}\nreturn t.field", "user_script:2: MemberExpression"],
  ["return { a = 1 }", "user_script:1: a table with keys"],
  ["return { [1] = 1 }", "user_script:1: a table with keys"],
  ["local s = 'a'\nreturn s:len()", "user_script:2: MemberExpression"],
  ["return redis.call('SET', 'a', 'b')", "user_script:1: the status that such a command answers"],
  ["local name = 'GET'\nreturn redis.call(name, 'a')", "user_script:2: the status that such a command answers"],
  ["return redis.pcall('GET', 'a')", "user_script:1: calling 'redis.pcall'"],
  ["local f = function() end", "user_script:1: FunctionDeclaration"],
  ["function f() end", "user_script:1: a function that is not local"],
  ["local function f(...) end", "user_script:1: '...'"],
  ["local t = { 1 }\nreturn { (unpack(t)) }", "user_script:2: a call in brackets"],
  ["local t = { 1 }\nreturn(unpack(t))", "user_script:2: a call in brackets"],
  ["local t = { 1 } t[1], t[2] = 2, 3", "user_script:1: an assignment to such a variable"],
  ["for i = 1, 10, 2 do end", "user_script:1: a step"],
  ["for k in pairs({}) do end", "user_script:1: a loop by other than ipairs"],
  ["repeat local a = 1 until true", "user_script:1: RepeatStatement"],
  ["for i = 1, 2 do break end", "user_script:1: BreakStatement"],
  ["do local a = 1 end", "user_script:1: DoStatement"],
  ["return string.match('a', '[ab]')", "user_script:1: string.match by '[ab]'"],
  ["return string.match('a', 'a-')", "user_script:1: string.match by 'a-'"],
  ["return string.match('a', '(a)?')", "user_script:1: string.match by '(a)?'"],
  ["return string.match('a', '%w')", "user_script:1: string.match by '%w'"],
  ["return string.match('a', '()')", "user_script:1: string.match by '()'"],
  ["return string.match('a', 'a^')", "user_script:1: string.match by 'a^'"],
  ["local p = 'a'\nreturn string.match('a', p)", "user_script:2: calling 'string.match' so"],
  ["return string.format('%d', 1)", "string.format of 1 by '%d' is not supported"],
  ["return string.format('%.0f', 0.5)", "string.format of 0.5 by '%.0f' is not supported"],
  ["return 0.5 .. ''", "the number 0.5 as text is not supported"],
  ["return 1e15 .. ''", "the number 1000000000000000 as text is not supported"],
  ["return redis.call('GET', 0.5)", "the number 0.5 as text is not supported"],
  ["return tonumber('0x10')", "the number '0x10' is not supported"],
  ["return tonumber('inf')", "the number 'inf' is not supported"],
  ["return tonumber('10', 8)", "more than 1 arguments are not supported"],
  ["return 'a' < 'b'", "number expected, got string"],
  ["local t = {} t[2] = 1", "the key 2 is not supported"],
  ["local t = { 1 } return t['a']", "the key a is not supported"],
  ["local t = { 1 } t[1] = nil", "removing from a table is not supported"],
  ["return { 1, nil, 3 }", "a table with nil in it is not supported"]
]

type Answer = Result.Result<unknown, RedisError>

const answers = (scripts: ReadonlyArray<string>): Effect.Effect<ReadonlyArray<Answer>, never, Redis> =>
  Effect.forEach(scripts, (script) => Effect.result(evaluate(script, [bytes, "17", "000042"])))

describe("Lua", () => {
  layer(real, { excludeTestServices: true })((it) => {
    for (const [name, some] of Object.entries(scripts)) {
      it.effect(`${name} are those of a real server`, () =>
        Effect.gen(function* () {
          const expected = yield* answers(some)
          const actual = yield* simulate(answers(some))
          for (const [index, script] of some.entries()) {
            const [one, other] = [expected[index], actual[index]].map((answer) =>
              answer === undefined || Result.isFailure(answer) ? "an error" : answer.success
            )
            assert.deepStrictEqual([script, other], [script, one])
          }
        })
      )
    }

    it.effect("says what it does not support, and in which line", () =>
      Effect.gen(function* () {
        const actual = yield* simulate(answers(refused.map(([script]) => script)))
        for (const [index, [script, words]] of refused.entries()) {
          const answer = actual[index]
          const told = answer !== undefined && Result.isFailure(answer) ? answer.failure.message : "no error"
          assert.include(told, words, script)
        }
      })
    )
  })
})
