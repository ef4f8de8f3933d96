import {
  type CloudFormationClient,
  CreateChangeSetCommand,
  DeleteChangeSetCommand,
  DeleteStackCommand,
  DescribeChangeSetCommand,
  DescribeStackEventsCommand,
  DescribeStacksCommand,
  ExecuteChangeSetCommand,
  type Stack,
  type StackEvent,
  UpdateTerminationProtectionCommand,
} from "@aws-sdk/client-cloudformation";
import { MailweirError } from "../../shared/errors.ts";

/** CloudFormation could not do it; it has rolled back what it had begun. */
export class StackError extends MailweirError {
  readonly code = "ERR_STACK";
  readonly retryable = false;
}

export interface StackEventLine {
  readonly logicalId: string;
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
}

export interface DeployStackOptions {
  readonly stackName: string;
  readonly template: string;
  /** Where the same template lies, for more than the 51,200 octets that a call may carry. */
  readonly templateUrl?: string;
  readonly tags: Readonly<Record<string, string>>;
  /** In an emulator nothing is worth protecting, and not all of them can. */
  readonly emulator: boolean;
  readonly onEvent: (event: StackEventLine) => void;
  /** Between two looks. Default 2000. */
  readonly pollMs?: number;
}

const capabilities = ["CAPABILITY_IAM" as const, "CAPABILITY_NAMED_IAM" as const];

/**
 * Creates or updates a stack and waits until it stands.
 *
 * @returns `unchanged` when the template says what is there already
 * @throws {StackError} with what failed first, and why
 */
export async function deployStack(
  client: CloudFormationClient,
  options: DeployStackOptions,
): Promise<"created" | "updated" | "unchanged"> {
  const { stackName } = options;
  let stack = await findStack(client, stackName);
  // A creation that failed leaves a shell that can only be deleted; what it had made is gone, what stays is imported below.
  if (stack?.StackStatus === "ROLLBACK_COMPLETE") {
    await client.send(new DeleteStackCommand({ StackName: stackName }));
    await untilSettled(client, options, stack.StackId ?? stackName, new Date());
    stack = undefined;
  }
  const isNew = stack === undefined || stack.StackStatus === "REVIEW_IN_PROGRESS";
  const began = new Date();
  const changed = await changeByChangeSet(client, options, isNew);
  if (!changed) return "unchanged";
  const end = await untilSettled(client, options, stackName, began);
  if (end !== "CREATE_COMPLETE" && end !== "UPDATE_COMPLETE") {
    throw new StackError(
      `The stack ${stackName} ended as ${end}.\n${await firstFailures(client, stackName, began)}\nWhat had been begun was taken back; mail that was received is where it was.`,
    );
  }
  if (!options.emulator) {
    await client.send(
      new UpdateTerminationProtectionCommand({ StackName: stackName, EnableTerminationProtection: true }),
    );
  }
  return isNew ? "created" : "updated";
}

export async function findStack(client: CloudFormationClient, stackName: string): Promise<Stack | undefined> {
  try {
    const { Stacks } = await client.send(new DescribeStacksCommand({ StackName: stackName }));
    const stack = Stacks?.[0];
    return stack?.StackStatus === "DELETE_COMPLETE" ? undefined : stack;
  } catch (error) {
    if (error instanceof Error && /does not exist/i.test(error.message)) return undefined;
    throw error;
  }
}

/**
 * Deletes the stack. What has a DeletionPolicy of Retain stays: the mail, the tables, the key, the token secret, the
 * identities.
 */
export async function deleteStack(
  client: CloudFormationClient,
  options: Pick<DeployStackOptions, "stackName" | "emulator" | "onEvent" | "pollMs">,
): Promise<void> {
  const stack = await findStack(client, options.stackName);
  if (!stack) return;
  const { StackId = options.stackName } = stack;
  if (!options.emulator) {
    await client.send(
      new UpdateTerminationProtectionCommand({ StackName: options.stackName, EnableTerminationProtection: false }),
    );
  }
  const began = new Date();
  await client.send(new DeleteStackCommand({ StackName: options.stackName }));
  // By its id: a deleted stack has no name.
  const end = await untilSettled(client, options, StackId, began);
  if (end !== "DELETE_COMPLETE") {
    throw new StackError(
      `The stack ${options.stackName} ended as ${end}.\n${await firstFailures(client, StackId, began)}\nRemove what stands in the way, and run destroy again.`,
    );
  }
}

async function changeByChangeSet(
  client: CloudFormationClient,
  { stackName, template, templateUrl, tags, emulator, pollMs = 2_000 }: DeployStackOptions,
  isNew: boolean,
): Promise<boolean> {
  const name = { StackName: stackName, ChangeSetName: `mailweir-${Date.now()}` };
  await client.send(
    new CreateChangeSetCommand({
      ...name,
      ChangeSetType: isNew ? "CREATE" : "UPDATE",
      ...(templateUrl === undefined ? { TemplateBody: template } : { TemplateURL: templateUrl }),
      Capabilities: capabilities,
      Tags: tagList(tags),
      // What an earlier stage of this name left behind (its mail, its tables) belongs to this one again.
      ImportExistingResources: true,
      // ministack's check of names that are taken knows nothing of imports, and refuses the very bucket that it would import.
      ...(emulator && { DisableValidation: true }),
    }),
  );
  for (;;) {
    const { Status, StatusReason = "" } = await client.send(new DescribeChangeSetCommand(name));
    if (Status === "CREATE_COMPLETE") break;
    if (Status === "FAILED") {
      await client.send(new DeleteChangeSetCommand(name));
      if (/didn't contain changes|no updates/i.test(StatusReason)) return false;
      throw new StackError(`CloudFormation refuses the change of ${stackName}: ${StatusReason}`);
    }
    await pause(pollMs);
  }
  await client.send(new ExecuteChangeSetCommand(name));
  return true;
}

/** Waits for the end, telling each event once. */
async function untilSettled(
  client: CloudFormationClient,
  { onEvent, pollMs = 2_000 }: Pick<DeployStackOptions, "onEvent" | "pollMs">,
  stack: string,
  since: Date,
): Promise<string> {
  const told = new Set<string>();
  for (;;) {
    const found = await findStackById(client, stack);
    for (const event of await eventsSince(client, stack, since)) {
      if (told.has(event.id)) continue;
      told.add(event.id);
      onEvent(event);
    }
    const status = found?.StackStatus ?? "DELETE_COMPLETE";
    // Old versions of what was replaced are still being removed: nothing waits for that.
    if (status.endsWith("_CLEANUP_IN_PROGRESS")) return status.replace("_CLEANUP_IN_PROGRESS", "");
    if (!status.endsWith("_IN_PROGRESS")) return status;
    await pause(pollMs);
  }
}

async function findStackById(client: CloudFormationClient, stack: string): Promise<Stack | undefined> {
  try {
    return (await client.send(new DescribeStacksCommand({ StackName: stack }))).Stacks?.[0];
  } catch (error) {
    if (error instanceof Error && /does not exist/i.test(error.message)) return undefined;
    throw error;
  }
}

async function eventsSince(
  client: CloudFormationClient,
  stack: string,
  since: Date,
): Promise<readonly (StackEventLine & { readonly id: string })[]> {
  try {
    // Clocks differ: a few seconds before the beginning are ours, too.
    const begin = since.getTime() - 5_000;
    const events: StackEvent[] = [];
    let NextToken: string | undefined;
    do {
      // Newest first, in pages: a stack of two hundred resources has several.
      const page = await client.send(
        new DescribeStackEventsCommand({ StackName: stack, ...(NextToken !== undefined && { NextToken }) }),
      );
      const found = (page.StackEvents ?? []).filter(({ Timestamp }) => (Timestamp?.getTime() ?? 0) >= begin);
      events.push(...found);
      NextToken = found.length === page.StackEvents?.length ? page.NextToken : undefined;
    } while (NextToken !== undefined);
    return events.reverse().map((event) => ({
      id: event.EventId ?? "",
      logicalId: event.LogicalResourceId ?? "",
      type: event.ResourceType ?? "",
      status: event.ResourceStatus ?? "",
      ...(event.ResourceStatusReason !== undefined && { reason: event.ResourceStatusReason }),
    }));
  } catch (error) {
    if (error instanceof Error && /does not exist/i.test(error.message)) return [];
    throw error;
  }
}

async function firstFailures(client: CloudFormationClient, stack: string, since: Date): Promise<string> {
  const failures = (await eventsSince(client, stack, since)).filter(
    // What was only stopped because something else had failed explains nothing.
    ({ status, reason = "" }) => status.endsWith("_FAILED") && !/cancelled/i.test(reason),
  );
  return failures
    .slice(0, 5)
    .map(({ logicalId, type, reason }) => `  ${logicalId} (${type}): ${reason ?? "no reason given"}`)
    .join("\n");
}

const tagList = (tags: Readonly<Record<string, string>>) =>
  Object.entries(tags).map(([Key, value]) => ({ Key, Value: value }));

const pause = (ms: number) => new Promise((resume) => setTimeout(resume, ms));
