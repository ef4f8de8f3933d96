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
  /** An event for programs, or its sentence for people. */
  const tell = (event: string, members: object, says: string) =>
    process.stdout.write(options.json ? `${JSON.stringify({ event, ...members, says: says.trim() })}\n` : `${says}\n`);
  const { region } = await loadConfig(options.config, { stage });
  const session = await openSession({ region, ...(endpoint !== undefined && { endpoint }) });
  try {
    const { accountId } = session;
    const config = await loadConfig(options.config, { stage, accountId });
    const stackName = config.ruleSet.name;
    tell(
      "target",
      { stage, accountId, region, endpoint: endpoint ?? null, stackName },
      `Stage ${stage}: account ${accountId}, region ${region}${endpoint ? `, at ${endpoint}` : ""}`,
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
        const says = `  ${status.padEnd(16)} ${type} ${logicalId}${reason ? `: ${reason}` : ""}`;
        tell("stack", { logicalId, type, status, reason: reason ?? null }, says);
      },
    });
    if (!deleteMail) {
      tell(
        "done",
        { objects: 0 },
        `\nThe stage ${stage} is gone. Kept: bucket ${config.names.bucket}, tables ${stackName}-ledger and ${stackName}-store,` +
          ` the token secret, identities${config.encrypt ? ", the mail key" : ""}.`,
      );
      return;
    }
    const gone = await deleteWhatStays(session, config, (text) => tell("deleted", {}, `  ${text}`));
    tell("done", { objects: gone.objects }, `\nThe stage ${stage} is gone, with ${gone.objects} objects of mail.`);
  } finally {
    session.close();
  }
}
