import { suite } from "../../fpl/test/suites/SeasonStore.suite.ts"
import { databases } from "./databases.ts"

for (const [name, database] of Object.entries(databases)) suite(name, database)
