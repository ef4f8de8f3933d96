import { deleteWhatStays } from "../infra/deploy/delete-what-stays.ts";
import { deleteStack, findStack } from "../infra/deploy/deploy-stack.ts";
import { openSession } from "../infra/deploy/session.ts";
import { loadConfig } from "../shared/config/load-config.ts";
import { MailweirError } from "../shared/errors.ts";
import { confirm } from "./confirm.ts";
import type { DestroyOptions } from "./destroy.ts";

export class NoSuchStageError extends MailweirError {
  readonly code = "ERR_NO_SUCH_STAGE";
  readonly retryable = false;
}

export async function destroy(options: DestroyOptions): Promise<void> {
  const { stage, endpointUrl: endpoint, deleteMail = false } = options;
  const { region } = await loadConfig(options.config, { stage });
  const session = await openSession({ region, ...(endpoint !== undefined && { endpoint }) });
  try {
    const { accountId } = session;
    const config = await loadConfig(options.config, { stage, accountId });
    const stackName = config.ruleSet.name;
    process.stdout.write(
      `Stage ${stage}: account ${accountId}, region ${region}${endpoint ? `, at ${endpoint}` : ""}\n`,
    );
    const stack = await findStack(session.cloudFormation, stackName);
    if (!stack && !deleteMail) {
      throw new NoSuchStageError(
        `There is no stage ${stage} in account ${accountId}, ${region}: see --stage, --config and the profile`,
      );
    }
    if (!options.yes && !session.loopback) {
      await confirm(
        deleteMail
          ? `Destroy the stage ${stage} and delete all of its mail, tickets and suppressions for good?`
          : `Destroy the stage ${stage}? It receives no more; its mail stays in ${config.names.bucket}.`,
        deleteMail ? `delete ${stage}` : stage,
      );
    }
    await deleteStack(session.cloudFormation, {
      stackName,
      emulator: endpoint !== undefined,
      onEvent: ({ logicalId, type, status, reason }) => {
        if (status.endsWith("_IN_PROGRESS") || type === "AWS::CloudFormation::Stack") return;
        process.stdout.write(`  ${status.padEnd(16)} ${type} ${logicalId}${reason ? `: ${reason}` : ""}\n`);
      },
    });
    if (!deleteMail) {
      process.stdout.write(
        `\nThe stage ${stage} is gone. Kept: bucket ${config.names.bucket}, tables ${stackName}-ledger and ${stackName}-store,` +
          ` the token secret, identities${config.encrypt ? ", the mail key" : ""}.\n`,
      );
      return;
    }
    const gone = await deleteWhatStays(session, config, (text) => process.stdout.write(`  ${text}\n`));
    process.stdout.write(`\nThe stage ${stage} is gone, with ${gone.objects} objects of mail.\n`);
  } finally {
    session.close();
  }
}
