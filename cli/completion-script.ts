import type { Command, Option } from "commander";

/** One command of the tree, with what may come behind it. */
export interface CompletionEntry {
  /** `/ticket/list`; `""` is `mailweir` itself. */
  readonly path: string;
  readonly description: string;
  readonly commands: readonly string[];
  readonly options: readonly CompletionOption[];
}

export interface CompletionOption {
  readonly long: string;
  readonly description: string;
  readonly takesValue: boolean;
  /** Its values, where only these are understood. */
  readonly values: readonly string[];
}

export function tableOf(program: Command, path = ""): readonly CompletionEntry[] {
  const entry: CompletionEntry = {
    path,
    description: program.description(),
    commands: program.commands.map((command) => command.name()),
    options: [...program.options.filter(({ hidden }) => !hidden).flatMap(describe), help],
  };
  const below = program.commands.flatMap((command) => tableOf(command, `${path}/${command.name()}`));
  return [entry, ...below];
}

const help: CompletionOption = { long: "--help", description: "display help", takesValue: false, values: [] };

function describe({ long, description, required, optional, argChoices }: Option): CompletionOption[] {
  if (!long) return [];
  return [{ long, description, takesValue: required || optional, values: argChoices ?? [] }];
}

/** The script a shell reads once; it needs no Node afterwards. */
export function completionScript(shell: "bash" | "zsh" | "fish", table: readonly CompletionEntry[]): string {
  return { bash, zsh, fish }[shell](table);
}

const commandPaths = (table: readonly CompletionEntry[]) => table.flatMap(({ path }) => (path === "" ? [] : [path]));

/** Options that take a value, by command: `path --option`. */
function valued(table: readonly CompletionEntry[]) {
  return table.flatMap(({ path, options }) =>
    options.filter(({ takesValue }) => takesValue).map((option) => ({ key: `${path} ${option.long}`, option })),
  );
}

function bash(table: readonly CompletionEntry[]): string {
  return `# mailweir: completion for bash
_mailweir() {
  local current=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]} path= words= i
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$path/\${COMP_WORDS[i]}" in
      ${commandPaths(table).join("|")}) path="$path/\${COMP_WORDS[i]}" ;;
    esac
  done
  case "$path $before" in
${valued(table)
  .map(
    ({ key, option }) =>
      `    "${key}") words="${option.values.join(" ")}"; COMPREPLY=($(compgen -W "$words" -- "$current")); return ;;`,
  )
  .join("\n")}
  esac
  case "$path" in
${table
  .map(
    ({ path, commands, options }) =>
      `    "${path}") words="${[...commands, ...options.map(({ long }) => long)].join(" ")}" ;;`,
  )
  .join("\n")}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _mailweir mailweir
`;
}

function zsh(table: readonly CompletionEntry[]): string {
  const described = (path: string) => table.find((entry) => entry.path === path)?.description ?? "";
  return `#compdef mailweir
# mailweir: completion for zsh
_mailweir() {
  local place= i
  local -a offered
  for ((i = 2; i < CURRENT; i++)); do
    case "$place/\${words[i]}" in
      ${commandPaths(table).join("|")}) place="$place/\${words[i]}" ;;
    esac
  done
  case "$place \${words[CURRENT-1]}" in
${valued(table)
  .map(({ key, option }) =>
    option.values.length > 0
      ? `    ${quoted(key)}) offered=(${option.values.map(quoted).join(" ")}); _describe value offered; return ;;`
      : `    ${quoted(key)}) _files; return ;;`,
  )
  .join("\n")}
  esac
  case "$place" in
${table
  .map(({ path, commands, options }) => {
    const offered = [
      ...commands.map((name) => `${name}:${described(`${path}/${name}`)}`),
      ...options.map(({ long, description }) => `${long}:${description}`),
    ];
    return `    ${quoted(path)}) offered=(${offered.map(quoted).join(" ")}) ;;`;
  })
  .join("\n")}
  esac
  _describe mailweir offered
  _files
}
# Read by source, or put into $fpath.
if [[ "\${funcstack[1]}" = _mailweir ]]; then _mailweir "$@"; else compdef _mailweir mailweir; fi
`;
}

function fish(table: readonly CompletionEntry[]): string {
  const lines = table.flatMap(({ path, commands, options }) => {
    const at = `complete -c mailweir -n ${quoted(`__mailweir_at "${path}"`)}`;
    return [
      ...commands.map((name) => {
        const description = table.find((entry) => entry.path === `${path}/${name}`)?.description ?? "";
        return `${at} -f -a ${quoted(name)} -d ${quoted(description)}`;
      }),
      ...options.map(({ long, description, takesValue, values }) => {
        const value = values.length > 0 ? ` -x -a ${quoted(values.join(" "))}` : takesValue ? " -r" : "";
        return `${at} -l ${long.slice(2)} -d ${quoted(description)}${value}`;
      }),
    ];
  });
  return `# mailweir: completion for fish
function __mailweir_at
    set -l place ''
    for word in (commandline -opc)[2..]
        switch "$place/$word"
            case ${commandPaths(table).map(quoted).join(" ")}
                set place "$place/$word"
        end
    end
    test "$place" = $argv[1]
end
${lines.join("\n")}
`;
}

/** In single quotes, for zsh and fish alike: nothing in them is looked at. */
function quoted(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "’").replaceAll(/\s+/g, " ")}'`;
}
