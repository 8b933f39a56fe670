import { MemoryDatabase } from "@letletme/fpl"
import { suite } from "./suites/SeasonStore.suite.ts"

suite("memory", MemoryDatabase.layer)
