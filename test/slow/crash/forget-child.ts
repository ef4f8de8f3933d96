import { openRetention } from "../../../cli/retention-access.ts";

// What `mailweir forget ADDRESS` does in a folder without an engine. Arguments: data folder, configuration file, address.
const [data = "", config = "", address = ""] = process.argv.slice(2);
const access = await openRetention({ data, config });
const answer = await access.forget(address, false, () => undefined);
await access.close();
process.stdout.write(`${JSON.stringify(answer)}\n`);
