import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Meter } from "@letletme/cache"
import * as Instruments from "@letletme/warmer/Instruments"
import type { SyntaxNode } from "@lezer/common"
import { parser } from "@prometheus-io/lezer-promql"
import { Effect, FileSystem, Schema } from "effect"
import { join } from "node:path"
import { parse } from "yaml"

const root = join(import.meta.dirname, "../../..")
const read = (path: string) => FileSystem.FileSystem.use((files) => files.readFileString(join(root, path)))

const Dashboard = Schema.fromJsonString(
  Schema.Struct({
    templating: Schema.Struct({
      list: Schema.Array(Schema.Struct({ query: Schema.Struct({ query: Schema.String }) }))
    }),
    panels: Schema.Array(
      Schema.Struct({
        title: Schema.String,
        fieldConfig: Schema.optionalKey(
          Schema.Struct({
            defaults: Schema.Struct({ links: Schema.optionalKey(Schema.Array(Schema.Struct({ url: Schema.String }))) })
          })
        ),
        targets: Schema.optionalKey(Schema.Array(Schema.Struct({ expr: Schema.String, legendFormat: Schema.String })))
      })
    )
  })
)
const Rules = Schema.Struct({
  groups: Schema.Array(
    Schema.Struct({
      rules: Schema.Array(
        Schema.Struct({
          alert: Schema.String,
          expr: Schema.String,
          labels: Schema.Struct({ severity: Schema.Literals(["warning", "critical"]) }),
          annotations: Schema.Struct({ summary: Schema.String, runbook: Schema.String })
        })
      )
    })
  )
})

const DataSources = Schema.Struct({
  datasources: Schema.Array(
    Schema.Struct({
      jsonData: Schema.optionalKey(
        Schema.Struct({
          tracesToMetrics: Schema.Struct({
            tags: Schema.Array(Schema.Struct({ value: Schema.String })),
            queries: Schema.Array(Schema.Struct({ query: Schema.String }))
          })
        })
      )
    })
  )
})

const dashboard = Effect.flatMap(read("docs/observability/dashboard.json"), Schema.decodeEffect(Dashboard))
const rules = read("docs/observability/alerts.yml").pipe(
  Effect.map((text): unknown => parse(text)),
  Effect.flatMap(Schema.decodeUnknownEffect(Rules)),
  Effect.map(({ groups }) => groups.flatMap((group) => group.rules))
)

const known = new Map(Instruments.all.map((one) => [Meter.prometheusName(one), one]))
const suffix = /_(bucket|sum|count)$/
// What Prometheus gives every series.
const ofTarget = ["job", "instance"]
const overTime = new Set(["Rate", "Increase", "Irate", "Delta", "Resets"])

/** What is wrong with a query, and which metrics it asks for. */
const judge = (query: string): { readonly faults: ReadonlyArray<string>; readonly names: ReadonlySet<string> } => {
  // Grafana puts these in before Prometheus sees them.
  const text = query.replaceAll("$__rate_interval", "1m")
  const faults: Array<string> = []
  const names = new Set<string>()
  const textOf = ({ from, to }: SyntaxNode) => text.slice(from, to)

  /** The names of the functions around a node. */
  const around = (node: SyntaxNode): ReadonlyArray<string> => {
    const functions: Array<string> = []
    for (let above = node.parent; above !== null; above = above.parent) {
      const called = above.name === "FunctionCall" ? above.firstChild?.firstChild?.name : undefined
      if (called !== undefined) functions.push(called)
    }
    return functions
  }

  /** What a clause such as `by (domain)` groups. */
  const grouped = (node: SyntaxNode): SyntaxNode =>
    node.parent === null || node.name === "AggregateExpr" || node.name === "BinaryExpr" ? node : grouped(node.parent)

  /** The labels of what is selected within a node. */
  const within = (node: SyntaxNode): ReadonlyArray<string> => {
    if (node.name === "VectorSelector") {
      const name = textOf(node.getChild("Identifier") ?? node)
      const labels = (known.get(name) ?? known.get(name.replace(suffix, "")))?.labels ?? []
      return [...ofTarget, ...labels, ...(name.endsWith("_bucket") ? ["le"] : [])]
    }
    const inside: Array<string> = []
    for (let child = node.firstChild; child !== null; child = child.nextSibling) inside.push(...within(child))
    return inside
  }

  const visit = (node: SyntaxNode) => {
    if (node.type.isError) faults.push(`it is no PromQL at ${node.from}: ${text.slice(node.from)}`)
    if (node.name === "VectorSelector") {
      const name = textOf(node.getChild("Identifier") ?? node)
      const part = suffix.exec(name)?.[1]
      const instrument = known.get(name) ?? known.get(name.replace(suffix, ""))
      if (instrument === undefined || (instrument.kind === "histogram") !== (part !== undefined)) {
        faults.push(`${name} is not exported`)
        return
      }
      names.add(Meter.prometheusName(instrument))
      const isRate = around(node).some((called) => overTime.has(called))
      if (isRate === (instrument.kind === "gauge")) faults.push(`${name} is a ${instrument.kind}`)
      for (const matcher of node.getChild("LabelMatchers")?.getChildren("UnquotedLabelMatcher") ?? []) {
        const label = textOf(matcher.getChild("LabelName") ?? matcher)
        if (![...instrument.labels, ...ofTarget].includes(label)) faults.push(`${name} has no label ${label}`)
      }
    }
    if (node.name === "LabelName" && node.parent?.name === "GroupingLabels") {
      const label = textOf(node)
      if (!within(grouped(node)).includes(label)) faults.push(`nothing in it has a label ${label}`)
    }
    for (let child = node.firstChild; child !== null; child = child.nextSibling) visit(child)
  }

  visit(parser.parse(text).topNode)
  return { faults, names }
}

/** The labels that a text of Grafana or Prometheus fills in. */
const filledIn = (text: string): ReadonlyArray<string> =>
  Array.from(text.matchAll(/\{\{ *(?:\$labels\.)?(\w+)[^}]*\}\}/g), ([, label = ""]) => label)

const labelsOf = (query: string): ReadonlySet<string> =>
  new Set([...ofTarget, ...Array.from(judge(query).names).flatMap((name) => known.get(name)?.labels ?? [])])

describe("the judge of queries", () => {
  it("finds what is wrong", () => {
    const faults = (query: string) => judge(query).faults.join("; ")
    assert.strictEqual(faults('sum by (domain) (rate(letletme_cache_hits_total{tier="near"}[$__rate_interval]))'), "")
    assert.include(faults("sum(rate(letletme_cache_hits_total[5m])"), "it is no PromQL")
    assert.include(faults("rate(letletme_cache_hit_total[5m])"), "letletme_cache_hit_total is not exported")
    assert.include(faults("rate(letletme_cache_load_duration_seconds[5m])"), "is not exported")
    assert.include(faults('rate(letletme_cache_hits_total{operation="read"}[5m])'), "has no label operation")
    assert.include(faults("sum by (cause) (rate(letletme_cache_hits_total[5m]))"), "nothing in it has a label cause")
    const apart = "sum by (domain) (letletme_cache_view_tags) + sum(rate(letletme_cache_hits_total[5m]))"
    assert.include(faults(apart), "nothing in it has a label domain")
    assert.include(faults("letletme_cache_hits_total > 3"), "is a counter")
    assert.include(faults("rate(letletme_cache_view_tags[5m])"), "is a gauge")
  })
})

describe("the dashboard", () => {
  it.effect("asks for what is exported, and shows all of it", () =>
    Effect.gen(function* () {
      const { panels, templating } = yield* dashboard
      const shown = new Set<string>()
      for (const { targets = [], title } of panels) {
        for (const { expr, legendFormat } of targets) {
          const { faults, names } = judge(expr)
          assert.deepStrictEqual(faults, [], title)
          for (const name of names) shown.add(name)
          const labels = labelsOf(expr)
          for (const label of filledIn(legendFormat)) assert.isTrue(labels.has(label), `${title}: ${label}`)
        }
      }
      assert.sameMembers([...shown], [...known.keys()])
      for (const { query } of templating.list) {
        const [, name = ""] = /^label_values\((\w+), instance\)$/.exec(query.query) ?? []
        assert.isTrue(known.has(name), query.query)
      }
    }).pipe(Effect.provide(NodeServices.layer))
  )
})

describe("the spans", () => {
  it.effect("that the page lists are made, and the dashboard's links ask for no others", () =>
    Effect.gen(function* () {
      const files = yield* FileSystem.FileSystem
      const page = yield* read("docs/observability.md")
      const listed = new Set(
        page.split("\n").flatMap((line) => {
          const [, cell = ""] = /^\| ((?:`[A-Z]\w+\.\w+`(?:, )?)+) +\|/.exec(line) ?? []
          return Array.from(cell.matchAll(/`([^`]+)`/g), ([, name = ""]) => name)
        })
      )
      assert.isAbove(listed.size, 8)
      const sources = yield* Effect.forEach(["packages/cache/src", "packages/fpl/src"], (folder) =>
        Effect.flatMap(files.readDirectory(join(root, folder), { recursive: true }), (names) =>
          Effect.forEach(
            names.filter((name) => name.endsWith(".ts")),
            (name) => read(join(folder, name))
          )
        )
      )
      const code = sources.flat().join("\n")
      for (const name of listed) assert.include(code, `"${name}"`)
      const { panels } = yield* dashboard
      const links = panels.flatMap(({ fieldConfig }) => fieldConfig?.defaults.links ?? [])
      const asked = links.flatMap(({ url }) =>
        Array.from(decodeURIComponent(url).matchAll(/name = \\"([^"]+)\\"/g), ([, name = ""]) => name)
      )
      assert.isAtLeast(asked.length, 3)
      for (const name of asked) assert.isTrue(listed.has(name), name)
    }).pipe(Effect.provide(NodeServices.layer))
  )
})

describe("the data sources", () => {
  it.effect("lead from a trace to what is exported, by labels that are there", () =>
    Effect.gen(function* () {
      const file: unknown = parse(yield* read("docs/observability/grafana-datasources.yml"))
      const { datasources } = yield* Schema.decodeUnknownEffect(DataSources)(file)
      const leads = datasources.flatMap(({ jsonData }) => jsonData?.tracesToMetrics ?? [])
      assert.isAbove(leads.length, 0)
      for (const { queries, tags } of leads) {
        const matchers = tags.map(({ value }) => `${value}="x"`).join(", ")
        for (const { query } of queries) {
          assert.deepStrictEqual(judge(query.replace("$$__tags", matchers)).faults, [])
        }
      }
    }).pipe(Effect.provide(NodeServices.layer))
  )
})

describe("the alerts", () => {
  it.effect("ask for what is exported, and fill in labels that are there", () =>
    Effect.gen(function* () {
      const all = yield* rules
      assert.isAbove(all.length, 10)
      assert.strictEqual(new Set(all.map(({ alert }) => alert)).size, all.length)
      for (const { alert, annotations, expr } of all) {
        assert.deepStrictEqual(judge(expr).faults, [], alert)
        for (const label of filledIn(annotations.summary))
          assert.isTrue(labelsOf(expr).has(label), `${alert}: ${label}`)
      }
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("each have a section in the runbook, which says what it means and what to do, and has no other", () =>
    Effect.gen(function* () {
      const all = yield* rules
      const page = yield* read("docs/runbook.md")
      const sections = new Map(
        page.split(/^## /m).flatMap((text) => {
          const [, name = "", body = ""] = /^(\w+)\n([^]*)$/.exec(text) ?? []
          return name === "" ? [] : [[name, body] as const]
        })
      )
      assert.sameMembers(
        [...sections.keys()],
        all.map(({ alert }) => alert)
      )
      for (const { alert, annotations } of all) {
        assert.strictEqual(annotations.runbook, `docs/runbook.md#${alert.toLowerCase()}`)
        assert.match(sections.get(alert) ?? "", /^\n\*\*It means\*\* [^]+\n\n\*\*Do\*\*[^]+/, alert)
      }
    }).pipe(Effect.provide(NodeServices.layer))
  )
})
