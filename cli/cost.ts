import { type Command, Option } from "commander";
import { wholeNumber } from "./whole-number.ts";

export interface CostOptions {
  readonly perMonth: number;
  readonly mix: Readonly<Record<string, number>>;
  readonly size: number;
  readonly keepMonths: number;
  readonly stage: string;
  readonly config: string;
  readonly encrypt?: boolean;
  readonly freeTier?: boolean;
  readonly json?: boolean;
  readonly document?: boolean;
}

/** What a small company's mail is like. */
export const usualMix = "personal=30,ticket=30,unsubscribe=10,bounce=5,complaint=1,auto-reply=5,list=4,quarantine=15";

export function register(program: Command): void {
  program
    .command("cost")
    .description("what a stage costs on AWS, by stream and service, and which quota it meets first; offline")
    .addOption(
      new Option("--per-month <mails>", "mails in 30 days").default(1_000_000, "1000000").argParser(wholeNumber),
    )
    .addOption(
      new Option("--mix <stream=part,…>", "parts of the traffic; they need not make 100")
        .default(readMix(usualMix), usualMix)
        .argParser(readMix),
    )
    .addOption(new Option("--size <KB>", "of a mail, on average").default(50).argParser(wholeNumber))
    .addOption(new Option("--keep-months <months>", "for which mail is kept").default(12).argParser(wholeNumber))
    .option("--stage <name>", "the stage, for what the configuration says of it", "prod")
    .option("--config <file>", "configuration file", "mailweir.config.ts")
    .option("--encrypt", "as if the configuration said encrypt: true")
    .option("--free-tier", "without what AWS never charges, if nothing else in the account uses it up")
    .option("--json", "one JSON object")
    .addOption(new Option("--document", "the tables of docs/cost.md").hideHelp())
    .addHelpText(
      "after",
      `
Examples:
  mailweir cost --per-month 1000000 --mix ticket=60,personal=40
  mailweir cost --per-month 3000 --free-tier
  mailweir cost --per-month 50000000 --size 120 --encrypt --json

Where two figures stand, the truth lies between them: queues hand out their messages one by one while there are few, and by
ten when there are many. Counted in the tests: write and read units, requests, invocations, logs. Prices are published ones
of us-east-1, with their dates in docs/cost.md.`,
    )
    .action(async (options: CostOptions) => {
      const { cost } = await import("./estimate-cost.ts");
      await cost(options);
    });
}

function readMix(text: string): Readonly<Record<string, number>> {
  return Object.fromEntries(
    text.split(",").map((part) => {
      const [name = "", share = "", ...more] = part.split("=").map((side) => side.trim());
      return [name, more.length > 0 || share === "" ? Number.NaN : Number(share)];
    }),
  );
}
