import type { StageForgetProgress, StageForgotten } from "../../shared/aws/forget-address.ts";
import { confirm } from "../confirm.ts";
import { printable } from "../printable.ts";
import { openStageRetention, type StageRetentionOptions } from "./stage-retention.ts";

export interface StageForgetOptions extends StageRetentionOptions {
  readonly dryRun?: boolean;
  readonly again?: boolean;
  readonly yes?: boolean;
  readonly json?: boolean;
}

const print = (text: string) => process.stdout.write(`${text}\n`);

/** On a terminal how far it is, on one line; elsewhere a line for each step and each ten thousand of them. */
function showProgress(stream: NodeJS.WriteStream) {
  let told = "";
  return {
    show({ step, done }: StageForgetProgress): void {
      const line = stream.isTTY ? `${step}: ${done}` : `${step}: ${Math.floor(done / 10_000) * 10_000} or more`;
      if (line === told) return;
      told = line;
      stream.write(stream.isTTY ? `\r\u001b[K${line}` : `${line}\n`);
    },
    end: () => stream.isTTY && stream.write("\r\u001b[K"),
  };
}

/** `mailweir forget --stage`. */
export async function forgetOnStageCommand(address: string | undefined, options: StageForgetOptions): Promise<void> {
  const { stage, dryRun = false, json = false } = options;
  const access = await openStageRetention(options);
  const bar = showProgress(process.stderr);
  try {
    if (!dryRun && !options.yes && !access.loopback) {
      const what = address === undefined ? "everybody who was forgotten before" : printable(address, 100);
      await confirm(
        `Forget ${what} on the stage ${stage}, in account ${access.accountId}? It cannot be undone.`,
        stage,
      );
    }
    if (address === undefined) {
      const again = await access.forgetAgain(bar.show);
      bar.end();
      return void print(
        json
          ? JSON.stringify(again)
          : `${again.addresses} addresses were there again and are forgotten, ${again.messages} messages stay deleted.`,
      );
    }
    const answer = await access.forget(address, dryRun, bar.show);
    const copies = dryRun ? [] : await access.copies();
    bar.end();
    if (json) return void print(JSON.stringify(dryRun ? answer : { ...answer, copies }));
    for (const key of answer.unread) {
      process.stderr.write(`${printable(key, 300)} cannot be opened: whether it names the address is not known\n`);
    }
    if (!("person" in answer)) {
      for (const id of answer.messages) print(printable(id, 100));
      return void print(`${answer.messages.length} messages name ${printable(address, 100)}. Nothing was deleted.`);
    }
    const { person, messages, rows, objects, letters } = answer satisfies StageForgotten;
    print(`Forgotten: ${messages} messages; ${objects} versions of objects, ${rows} rows, ${letters} dead letters.`);
    print(`${person} is all that is left, and still keeps mail away.`);
    print("Where it may still be, and until when:");
    for (const { name, until, how } of copies) print(`  ${until?.slice(0, 10) ?? "no date   "}  ${name}: ${how}`);
  } finally {
    bar.end();
    await access.close();
  }
}
