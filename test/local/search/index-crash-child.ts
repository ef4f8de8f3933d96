import { writeFileSync } from "node:fs";
import { openSearch } from "../../../local/search/open-search.ts";
import { openStore } from "../../../local/store/open-store.ts";
import { testRandom, testTopology } from "../store/store-fixture.ts";

// Indexes a data folder and says on stdout how many messages are left, until the parent kills it. Argument: the folder.
const [root = ""] = process.argv.slice(2);
const clock = { now: () => new Date() };
const store = await openStore({ folder: root, topology: testTopology, clock, random: testRandom(root) });
const log = { info: () => undefined, error: (message: string) => writeFileSync(2, `${message}\n`) };
const search = openSearch({ folder: store.folder, database: store.database, clock, log });
for (;;) {
  const { notIndexed } = await search.find("", { limit: 1 });
  writeFileSync(1, `${notIndexed}\n`);
  await new Promise((resolve) => setTimeout(resolve, 2));
}
