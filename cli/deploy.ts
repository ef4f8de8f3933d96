import { type Command, Option } from "commander";

export interface DeployOptions {
  readonly stage: string;
  readonly config: string;
  readonly plan?: boolean;
  readonly yes?: boolean;
  readonly endpointUrl?: string;
  readonly data?: string;
  readonly mail?: string;
  readonly mails: number;
  readonly against?: string;
  readonly json?: boolean;
}

export function register(program: Command): void {
  program
    .command("deploy")
    .description("put the whole pipeline on AWS, from the same configuration: preflight, plan, question, deployment")
    .requiredOption("--stage <name>", "prod, dev, …: everything is named mailweir-<stage>")
    .option("--config <file>", "configuration file", "mailweir.config.ts")
    .option(
      "--plan",
      "only say what would change: rules in words, resources, and which recorded mail would go elsewhere",
    )
    .option("--yes", "do not ask: for scripts, where account and region are known")
    .option("--endpoint-url <url>", "an emulator of AWS; SES receiving and what no emulator knows is left out")
    .option("--data <folder>", "with --plan: data folder whose mail is looked at (default: local.data, if it is there)")
    .option("--mail <path>", "with --plan: mail files, folder or mbox to look at instead")
    .addOption(
      new Option("--mails <count>", "with --plan: how many of the newest mails of the data folder")
        .default(1_000)
        .argParser(Number),
    )
    .option("--against <file>", "with --plan: compare with this configuration instead of what is deployed")
    .option("--json", "one JSON object a line, for programs")
    .addHelpText(
      "after",
      `
Examples:
  mailweir deploy --stage prod --plan
  mailweir deploy --stage prod
  mailweir deploy --stage test --endpoint-url http://127.0.0.1:4566

Credentials and profile are those of the AWS command line. Nothing is created before the preflight has found no error and
account and region were confirmed. A stage that is deployed is changed in place; what fails is rolled back.

Exit status: 0 done, or planned without an error; 1 the preflight found errors, or the deployment failed.`,
    )
    .action(async (options: DeployOptions) => {
      const { deploy } = await import("./deploy-stage.ts");
      process.exitCode = await deploy(options);
    });
}
