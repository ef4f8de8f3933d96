import { Argument, type Command } from "commander";

const shells = ["bash", "zsh", "fish"] as const;

export function register(program: Command): void {
  program
    .command("completion")
    .description("print a script that lets a shell complete commands and options")
    .addArgument(new Argument("<shell>", "which shell").choices(shells))
    .option("--json", "one JSON object a command: path, description, commands, options")
    .addHelpText(
      "after",
      `
Examples:
  source <(mailweir completion bash)                                     # in ~/.bashrc
  mailweir completion zsh > "\${fpath[1]}/_mailweir"                      # then start zsh anew
  mailweir completion fish > ~/.config/fish/completions/mailweir.fish

The scripts complete the command mailweir: put node_modules/.bin in the PATH, or  alias mailweir="npx mailweir".`,
    )
    .action(async (shell: (typeof shells)[number], options: { readonly json?: boolean }) => {
      const [{ createProgram }, { completionScript, tableOf }] = await Promise.all([
        import("./program.ts"),
        import("./completion-script.ts"),
      ]);
      const table = tableOf(await createProgram());
      if (options.json) process.stdout.write(table.map((entry) => `${JSON.stringify(entry)}\n`).join(""));
      else process.stdout.write(completionScript(shell, table));
    });
}
