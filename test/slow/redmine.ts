import { execFileSync, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "./dovecot.ts";
import { end } from "./python-tools.ts";

const home = "/usr/share/redmine";

/** Debian's Redmine and puma; `undefined` where they are not installed. */
export const redmineProgram =
  existsSync(`${home}/config.ru`) && existsSync("/usr/bin/puma") ? "/usr/bin/puma" : undefined;

export interface Redmine {
  readonly url: string;
  /** API key of the user who writes. */
  readonly key: string;
  get(path: string): Promise<unknown>;
  /** What a file's address answers. */
  download(url: string): Promise<Buffer>;
  stop(): Promise<void>;
}

// A project, and somebody who may write there.
const seed = `
Setting.rest_api_enabled = 1
Setting.login_required = 1
Setting.attachment_max_size = 51200
bot = User.new(firstname: 'Mail', lastname: 'Weir', mail: 'bot@example.com', language: 'en', mail_notification: 'none')
bot.login = 'bot'
bot.password = bot.password_confirmation = 'an example password'
bot.save!
project = Project.create!(name: 'Support', identifier: 'support', is_public: false, enabled_module_names: %w[issue_tracking], trackers: Tracker.all)
Member.create!(project: project, principal: bot, roles: [Role.find_by!(name: 'Manager')])
puts({ key: bot.api_key }.to_json)
`;

/** A Redmine of its own in a temporary folder, on a free port, with one project \`support\`. */
export async function startRedmine(program: string): Promise<Redmine> {
  const root = await mkdtemp(join(tmpdir(), "mailweir-redmine-"));
  for (const folder of ["config", "log", "files", "tmp", "public/plugin_assets"]) {
    await mkdir(join(root, folder), { recursive: true });
  }
  await writeFile(join(root, "config/secret_key.txt"), randomBytes(32).toString("hex"));
  const database = `production:\n  adapter: sqlite3\n  database: ${root}/redmine.sqlite3\n  timeout: 5000\n`;
  await writeFile(join(root, "config/database.yml"), database);
  await writeFile(join(root, "seed.rb"), seed);
  // An instance outside of Debian's own folders is named relative to them; above the root is the root.
  const env = {
    ...process.env,
    PATH: "/usr/sbin:/usr/bin:/sbin:/bin",
    REDMINE_INSTANCE: `../../../..${root}`,
    RAILS_ENV: "production",
    SCHEMA: "/dev/null",
    REDMINE_LANG: "en",
  };
  const bundle = (...args: readonly string[]) =>
    execFileSync("/usr/bin/bundle", ["exec", ...args], {
      cwd: home,
      env,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
    });
  bundle("rake", "db:migrate");
  bundle("rake", "redmine:load_default_data");
  const seeded = bundle("rails", "runner", join(root, "seed.rb"));
  const { key } = JSON.parse(seeded.trim().split("\n").at(-1) ?? "") as { key: string };
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const child = spawn(
    program,
    ["-e", "production", "-b", `tcp://127.0.0.1:${port}`, "-t", "1:4", "-w", "0", "config.ru"],
    {
      cwd: home,
      env,
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  let log = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (log += String(chunk)));
  for (let tries = 0; ; tries++) {
    const answer = await fetch(`${url}/issues.json`).catch(() => undefined);
    if (answer?.status === 401) break;
    if (child.exitCode !== null || tries > 600) throw new Error(`Redmine did not start: ${log}`);
    await sleep(100);
  }
  const ask = (at: string) => fetch(at, { headers: { "x-redmine-api-key": key } });
  return {
    url,
    key,
    get: async (path) => (await ask(`${url}${path}`)).json(),
    download: async (at) => Buffer.from(await (await ask(at)).arrayBuffer()),
    async stop() {
      await end(child);
      await rm(root, { recursive: true, force: true });
    },
  };
}
