import { statfs } from "node:fs/promises";
import { join, resolve } from "node:path";
import { loadConfig } from "../shared/config/load-config.ts";
import { deriveLocalTopology } from "../shared/config/local-topology.ts";
import { isLoopback, parseListen, publicHttp, resolveConfig } from "../shared/config/resolve-config.ts";
import type { FunctionTopology } from "../shared/config/topology.ts";
import type { MailConfig, ResolvedConfig } from "../shared/config/types.ts";
import { MailweirError } from "../shared/errors.ts";
import type { Clock, Ports, Random } from "../shared/ports.ts";
import { createReceiptSigner } from "../shared/receipt/receipt-signer.ts";
import { describeShortened } from "../shared/retention/shortened.ts";
import { manageSuppressions } from "../shared/unsubscribe/manage.ts";
import { createBounceComposer } from "./actions/compose-bounce.ts";
import { createRunner } from "./actions/runner.ts";
import { createVerify } from "./actions/verify.ts";
import { authenticate } from "./authenticate/authenticate.ts";
import { clientName } from "./authenticate/client-name.ts";
import { createResolver } from "./authenticate/create-resolver.ts";
import { openBlockLists } from "./block-lists/block-lists.ts";
import type { CloudTarget } from "./cloud/cloud-target.ts";
import { startHttp } from "./console/http-server.ts";
import { serveMailLink } from "./console/mail-link.ts";
import { serveOneClick } from "./console/one-click.ts";
import type { EngineHooks } from "./engine-hooks.ts";
import { secretFromEnvironment } from "./environment.ts";
import type { FunctionHost } from "./invoke/function-host.ts";
import { createInProcessHost } from "./invoke/in-process-host.ts";
import { createInvocationPump } from "./invoke/invocation-pump.ts";
import { createLostWorkPump } from "./invoke/lost-work-pump.ts";
import { createNearHost, isNear } from "./invoke/near-host.ts";
import { createQueuePump } from "./invoke/queue-pump.ts";
import { requestId } from "./invoke/request-id.ts";
import { createRunAhead } from "./invoke/run-ahead.ts";
import { createThreadHost } from "./invoke/thread-host.ts";
import { createTimetable } from "./invoke/timetable.ts";
import { openLog } from "./log.ts";
import { pooledRandom } from "./pooled-random.ts";
import { createExpiry, postponeExpiry } from "./retention/expire-mail.ts";
import { createForgetting } from "./retention/forgetting.ts";
import { noteRetention, whatIsShortened } from "./retention/shortened.ts";
import { createScanner } from "./scan/create-scanner.ts";
import { createScheduler } from "./scheduler.ts";
import { openSearch, type Search } from "./search/open-search.ts";
import { secretFile } from "./secret-file.ts";
import { configuredTargets, knownKeys } from "./ses-api/configured-targets.ts";
import { createSesApi } from "./ses-api/create-ses-api.ts";
import { certificateFiles, ownCertificate } from "./smtp/certificate.ts";
import { createReception, type Reception } from "./smtp/reception.ts";
import { startSmtp } from "./smtp/server.ts";
import { DataFolderError, folderTrouble } from "./store/errors.ts";
import { nodeFileSystem } from "./store/files.ts";
import { rememberJustAccepted } from "./store/just-accepted.ts";
import { lockFolder } from "./store/lock.ts";
import { createLostWork } from "./store/lost-work.ts";
import { openStore, type Store } from "./store/open-store.ts";
import { bindAddressKey } from "./store/plain-suppressions.ts";
import { createRuleSets } from "./store/rule-sets.ts";
import { createWorkMailDelivery } from "./work-mail-delivery.ts";

export interface EngineOptions {
  /** A file, loaded again in each worker thread; or an object, whose handlers then run in this thread. */
  readonly configPath?: string;
  readonly config?: MailConfig;
  /** Stand in front of an account: actions reach AWS there, and nothing but SMTP, spool and action log is here. */
  readonly cloud?: CloudTarget;
  /** `host:port`; overrides the configuration, as do the next two. */
  readonly smtp?: string;
  readonly http?: string;
  readonly data?: string;
  /** Default: the machine's. */
  readonly clock?: Clock & { readonly ticking: boolean };
  readonly random?: Random;
  /** False: nobody takes from the streams' queues. Default true. */
  readonly workers?: boolean;
  /** What of the log also goes to stderr. Default `problems`. */
  readonly stderr?: "all" | "problems" | "none";
  readonly hooks?: EngineHooks;
  /** Tests put faults in front of the store that it opens. Default: the store. */
  readonly openStore?: typeof openStore;
}

export interface Engine {
  /** `host:port`, with the port that was taken. */
  readonly smtp: string;
  /** `http://host:port`. */
  readonly http: string;
  /** `host:port` of `local.https`. */
  readonly https?: string;
  /** Whoever shows it may use the whole HTTP API; drawn at each start. */
  readonly token: string;
  /** Absolute path of the data folder. */
  readonly data: string;
  readonly domains: readonly string[];
  /** What a user should know at start, a sentence each. */
  readonly notes: readonly string[];
  readonly config: ResolvedConfig;
  readonly store: Store;
  readonly ports: Ports;
  readonly reception: Reception;
  readonly search: Search;
  /** Something may be due now: the clock was moved. */
  wake(): void;
  /** When the next thing becomes due, by the engine's clock. */
  nextDue(): Promise<Date | undefined>;
  /** Resolves when everything accepted so far has run through its rules and no function is under way. */
  settled(): Promise<void>;
  /** Takes nothing new, finishes what is under way within ten seconds, keeps the rest, closes. */
  stop(): Promise<void>;
  /** Resolves when the engine has stopped. */
  readonly stopped: Promise<void>;
}

export class ListenAddressError extends MailweirError {
  readonly code = "ERR_LISTEN_ADDRESS";
  readonly retryable = false;
}

const drainMs = 10_000;
// Of a queue whose messages cost no thread: whatever is taken and worked on together shares its commits. No more, since between two
// commits nobody else has his turn.
const nearConsumer = { batchSize: 25, concurrency: 2 };
const systemClock = { now: () => new Date(), ticking: true } as const;
const systemRandom: Random = { bytes: pooledRandom() };

/**
 * Receives mail and does the work, on one machine: everything is wired here. Resolves when mail can be sent to it.
 *
 * @throws {MailweirError} what keeps it from starting, with the remedy: configuration, data folder, another engine, port
 */
export async function startEngine(options: EngineOptions): Promise<Engine> {
  const clock = options.clock ?? systemClock;
  const random = options.random ?? systemRandom;
  const configPath = resolve(options.configPath ?? "mailweir.config.ts");
  const { cloud: target, hooks = {} } = options;
  const named = target ? { stage: target.stage, accountId: target.accountId } : {};
  const config = options.config ? resolveConfig(options.config, named) : await loadConfig(configPath, named);
  const smtpListen = listenAddress(options.smtp ?? config.local.smtp, "--smtp");
  const httpListen = listenAddress(options.http ?? config.local.http, "--http");
  // The configuration's own is refused with its place.
  if (!isLoopback(httpListen.host)) {
    const { problem, suggestion } = publicHttp(httpListen.host);
    throw new ListenAddressError(`--http: ${problem}; use ${suggestion}`);
  }
  const data = resolve(options.data ?? (target ? `${config.local.data}-${target.stage}` : config.local.data));

  const undo: (() => Promise<void> | void)[] = [];
  const unwind = async () => {
    for (const step of undo.splice(0).reverse()) await step();
  };
  try {
    const lock = await lockFolder(data);
    undo.push(() => lock.release());
    const log = openLog(data, () => clock.now(), { stderr: options.stderr ?? "problems" });
    undo.push(() => log.close());

    const topology = deriveLocalTopology(config);
    const sign = createReceiptSigner(await secretFile(join(data, "keys", "receipt.key")));
    const { region } = config;
    const sends = config.local.smarthost !== undefined && !hooks.keepsOutgoing;
    let composer: ReturnType<typeof createBounceComposer> | undefined;
    const store = await (options.openStore ?? openStore)({
      folder: data,
      topology,
      clock,
      random,
      kmsKeyArns: knownKeys(config),
      ipFilters: config.ipFilters,
      ...(config.tokens && { tokens: config.tokens }),
      env: process.env,
      sendsMail: sends,
      ...(hooks.webhooks && { webhooks: hooks.webhooks }),
      hasTicketSinks: Object.keys(config.tickets.sinks).length > 0,
      composeBounce: async (request) => {
        composer ??= createBounceComposer({
          ...{ store: store.engine, region, sign, clock, random },
          toAnySender: config.local.backscatter === "send",
        });
        return composer(request);
      },
    });
    undo.push(() => store.close());
    const search = openSearch({ folder: store.folder, database: store.database, clock, log });
    undo.push(() => search.close());
    await bindAddressKey(store.database, await store.ports.secrets.keyRing());

    const hosted = hooks.ports?.(store.ports) ?? store.ports;
    const ports: Ports = { clock, random, ...hosted };
    // The clients of AWS cost a machine that has no use for them 30 MB.
    const cloud = target && (await import("./cloud/cloud-target.ts")).openCloud(target, region);
    const perform = cloud && (await import("./cloud/perform-in-cloud.ts")).performInCloud(cloud);
    // In front of an account no function runs here.
    const openHost = (): FunctionHost => {
      if (options.config) return createInProcessHost(ports, config);
      const { workers, workerHeapMb: heapMb } = config.local.limits;
      const threads = createThreadHost({ configPath, prefix: "mailweir", ports: hosted, clock, workers, heapMb, log });
      return createNearHost({ threads, ports, config, log });
    };
    const opened = cloud ? undefined : openHost();
    const host = opened && (hooks.host?.(opened) ?? opened);
    if (host) undo.push(() => host.close(drainMs));

    const functionOf = functionFinder(topology.functions, config);
    const invokeSync = async (functionArn: string, payload: string, timeoutMs: number) => {
      if (cloud) return cloud.functions.invoke(functionArn, payload);
      const target = functionOf(functionArn);
      if (!target || !host)
        throw new Error(`no function is known as ${functionArn}: name its module in local.functions`);
      const outcome = await host.invoke(target.name, JSON.parse(payload), {
        requestId: requestId(random),
        timeoutMs,
        memoryMb: target.memoryMb,
      });
      if (outcome.kind !== "returned") throw new Error(outcome.cause);
      return outcome.value;
    };

    const resolver = createResolver(hooks.dns ?? config.local.dns, clock);
    const authserv = `inbound-smtp.${region}.amazonaws.com`;
    const verify = createVerify({
      authenticate: (raw, session) => authenticate(raw, { ...session, authserv }, resolver, { now: clock.now() }),
      scanner: createScanner(config.local.scanners),
      readings: config.local.ses,
      clock,
      log,
    });
    // Whoever steps between the engine and its functions wants to see them.
    const hooked = hooks.ports ?? hooks.queues ?? hooks.host;
    const runAhead =
      host && !options.config && !hooked ? createRunAhead({ config, topology, clock, random }) : undefined;
    const accepted = rememberJustAccepted(store.engine);
    const runner = createRunner({
      store: accepted,
      verify,
      tools: {
        region,
        accountId: config.accountId,
        bounceSender: config.bounceSender,
        random,
        keys: cloud?.keys ?? store.ports.keys,
        spoolFolder: store.folder.spool,
        knowsFunction: (arn) => cloud !== undefined || functionOf(arn) !== undefined,
        invokeSync,
        deliverToMailbox: createWorkMailDelivery(nodeFileSystem, store.folder.maildir),
      },
      names: config.names,
      sign,
      clock,
      ...(runAhead && { runAhead }),
      ...(cloud && perform && { perform, handedOverTo: cloud.place }),
      onSyncFailure: config.local.ses.onSyncFailure,
      retrySyncFailures: config.local.ses.retrySyncFailures,
      log,
    });
    undo.push(() => runner.close());

    const sending =
      sends && (await import("./send/start-sending.ts")).startSending(config, store, { clock, random, log });
    if (sending) undo.push(() => sending.stop(drainMs));

    const queues = hooks.queues?.(store.ports.queues) ?? store.ports.queues;
    const held = new Set(
      options.workers === false ? config.streams.map(({ name }) => config.names.streamQueue(name)) : [],
    );
    const queuePumps = topology.queues.flatMap((queue) => {
      if (held.has(queue.name)) return [];
      const consumer = queue.consumer?.functionName;
      const target =
        topology.functions.find(({ name }) => name === consumer) ??
        (consumer === undefined ? undefined : functionOf(consumer));
      const queueArn = `arn:aws:sqs:${region}:${config.accountId}:${queue.name}`;
      if (!target || !host) return [];
      const near = isNear(target.name, config) && { consumer: nearConsumer };
      return [createQueuePump({ queue, queueArn, target, queues, host, clock, random, log, ...near })];
    });
    const timetable =
      host && createTimetable({ functions: topology.functions, database: store.database, host, clock, random, log });
    const shortened = await whatIsShortened(store.database, config.retention, clock.now());
    await store.database.write((tx) => {
      noteRetention(tx, config.retention);
      if (shortened) postponeExpiry(tx, clock.now());
    });
    if (shortened) log.info("retention was shortened", { deletes: describeShortened(shortened) });
    const expiry = createExpiry({ store, search, retention: config.retention, clock, log });
    const pumps = host
      ? [
          expiry,
          createLostWorkPump(createLostWork(store.database, { topology, clock, random }), { clock, log }),
          ...(timetable ? [timetable] : []),
          ...queuePumps,
          createInvocationPump({ engine: store.engine, host, functionOf, clock, random, log }),
        ]
      : [expiry];
    undo.push(async () => {
      for (const pump of pumps) pump.stop();
      await Promise.all(pumps.map((pump) => pump.idle()));
    });

    const nextDue = async (now: Date) =>
      earliest(await store.engine.nextDue(now), runner.nextDue(), timetable?.nextDue(), expiry.nextDue());
    const scheduler = createScheduler({
      clock,
      ticking: [...pumps, runner, ...(sending ? [sending] : [])],
      nextDue,
      onError: (error) =>
        log.error("scheduler failed", { cause: error instanceof Error ? error.message : String(error) }),
    });
    undo.push(() => scheduler.stop());
    undo.push(store.engine.onChange(scheduler.wake));

    const sesApi = createSesApi({
      config,
      ruleSets: createRuleSets(store.database),
      messages: store.engine,
      ports: store.ports,
      clock,
      random,
      ...sesApiAccess(config.local.sesApi),
      targets: configuredTargets(config, topology, (arn) => functionOf(arn) !== undefined),
    });
    const freeDiskBytes = async () => {
      const disk = await statfs(data);
      return disk.bavail * disk.bsize;
    };
    const listedBy = await openBlockLists(config.local.blockLists, { resolver, clock, log });
    const reception = createReception({
      listedBy,
      store: accepted,
      receiving: () => sesApi.activeReceiving(),
      limits: config.local.limits,
      clock,
      random,
      spoolFolder: store.folder.spool,
      freeDiskBytes: () => hooks.freeDiskBytes?.(freeDiskBytes) ?? freeDiskBytes(),
      ipPrecedence: config.local.ses.ipPrecedence,
      onAccepted: runner.enqueue,
      log,
    });
    const token = Buffer.from(random.bytes(24)).toString("base64url");
    const forgetting = createForgetting(
      {
        store,
        search,
        forgetPerson: async (address) => (await manageSuppressions(ports)).forget({ address }),
        configuration: JSON.stringify(config),
      },
      { clock, random, log },
    );
    undo.push(() => forgetting.stop());
    const oneClickFunction = topology.functions.find(({ name }) => name === "one-click");
    const oneClick =
      oneClickFunction && host ? serveOneClick({ host, target: oneClickFunction, random, log }) : async () => undefined;
    const { https, tls } = config.local;
    const secure = https !== undefined &&
      tls && { listen: listenAddress(https, "local.https"), certificate: certificateFiles(tls) };
    const http = await startHttp({
      verify,
      listen: httpListen,
      ...(secure && { secure }),
      apiKeys: config.local.apiKeys,
      config,
      store,
      search,
      forgetting,
      ports,
      reception,
      token,
      sesApi,
      oneClick,
      mailLink: serveMailLink({ ports, engine: store.engine, random }),
      log,
    });
    undo.push(() => http.close());
    const smtp = await startSmtp({
      listen: smtpListen,
      region,
      limits: config.local.limits,
      reception,
      reverse: (ip) => clientName(ip, resolver),
      certificate: config.local.tls
        ? certificateFiles(config.local.tls)
        : ownCertificate(join(data, "keys"), {
            names: [authserv, "localhost"],
            now: () => clock.now(),
            random: random.bytes,
          }),
      clock,
      log,
    });
    undo.push(() => smtp.close({ drainMs }));

    await runner.resume();
    scheduler.wake();
    forgetting.resume();
    const smtpAddress = hostAndPort(smtp.address);
    const httpAddress = hostAndPort(http.address);
    const httpsAddress = http.secureAddress && hostAndPort(http.secureAddress);
    await lock.publish({
      pid: process.pid,
      smtp: smtpAddress,
      http: httpAddress,
      startedAt: clock.now().toISOString(),
      token,
    });
    log.info("engine ready", {
      smtp: smtpAddress,
      http: httpAddress,
      ...(httpsAddress !== undefined && { https: httpsAddress }),
      config: config.version,
    });

    let stopping: Promise<void> | undefined;
    const { promise: stopped, resolve: hasStopped } = Promise.withResolvers<void>();
    return {
      smtp: smtpAddress,
      http: `http://${httpAddress}`,
      ...(httpsAddress !== undefined && { https: httpsAddress }),
      token,
      data,
      domains: config.domains,
      notes: [
        ...(cloud ? [`mail is handed over to ${cloud.place}; no function runs here`] : []),
        ...(shortened
          ? [
              `retention was shortened: within an hour and a bit ${describeShortened(shortened)} are deleted; to keep them, stop now and lengthen it (docs/retention.md)`,
            ]
          : []),
        ...activeSetNote(sesApi.activeReceiving().ruleSet?.name, config.ruleSet.name),
        ...notes(config),
      ],
      config,
      store,
      ports,
      reception,
      search,
      wake: scheduler.wake,
      nextDue: () => nextDue(clock.now()),
      async settled() {
        await reception.settled();
        await runner.drain();
        await Promise.all(pumps.map((pump) => pump.idle()));
      },
      stop() {
        stopping ??= unwind().finally(hasStopped);
        return stopping;
      },
      stopped,
    };
  } catch (error) {
    await unwind();
    throw ofDataFolder(error, data) ?? error;
  }
}

/** What the system refused below the data folder, as an error that says what to do. */
function ofDataFolder(error: unknown, data: string): DataFolderError | undefined {
  const { code, path } = (error ?? {}) as { readonly code?: unknown; readonly path?: unknown };
  if (error instanceof MailweirError || typeof code !== "string" || typeof path !== "string") return undefined;
  if (!path.startsWith(data)) return undefined;
  return new DataFolderError(data, `${folderTrouble(code)}. It was about ${path}`, { cause: error });
}

function listenAddress(text: string, option: string): { readonly host: string; readonly port: number } {
  const address = parseListen(text);
  if (address) return address;
  throw new ListenAddressError(
    `"${text}" is no address to listen on: give host:port with ${option}, for example 127.0.0.1:0 for any free port`,
  );
}

function hostAndPort({ host, port }: { readonly host: string; readonly port: number }): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Pipeline functions by ARN, and the user's own by the ARN or name under which `local.functions` has them. */
function functionFinder(functions: readonly FunctionTopology[], config: ResolvedConfig) {
  const known = new Map(functions.map((target) => [target.arn, target]));
  for (const name of Object.keys(config.local.functions)) {
    const own: FunctionTopology = { name, arn: config.names.functionArn(name), timeoutMs: 30_000, memoryMb: 512 };
    known.set(name, own);
    known.set(own.arn, own);
  }
  // arn:aws:lambda:<region>:<account>:function:<name>: somebody's rule set names the account it came from.
  return (arn: string) => known.get(arn) ?? known.get(arn.split(":")[6] ?? "");
}

/** Whose signatures the SES API takes, and how often it may be called. AWS: each operation once a second. */
function sesApiAccess({ keys, rateLimit }: ResolvedConfig["local"]["sesApi"]) {
  return {
    ...(keys.length > 0 && {
      keys: keys.map(({ accessKeyId, secretFrom }, index) => ({
        accessKeyId,
        secretAccessKey: secretFromEnvironment(secretFrom, `local.sesApi.keys[${index}].secretFrom`),
      })),
    }),
    ...(rateLimit && { rateLimitMs: 1_000 }),
  };
}

/** The choice of SetActiveReceiptRuleSet survives restarts, so a start must show it. */
function activeSetNote(name: string | undefined, configured: string): readonly string[] {
  if (name === configured) return [];
  return [
    name === undefined
      ? "no rule set is active, so every recipient is refused (SetActiveReceiptRuleSet)"
      : `rule set "${name}" is active instead of the configured one (SetActiveReceiptRuleSet)`,
  ];
}

function notes({ local }: ResolvedConfig): readonly string[] {
  const { spam, virus } = local.scanners;
  const both = spam.type === "test-string" && virus.type === "test-string";
  if (both) return ["spam and viruses: only the test strings GTUBE and EICAR are found (see local.scanners)"];
  if (spam.type === "test-string") return ["spam: only the test string GTUBE is found (see local.scanners)"];
  if (virus.type === "test-string") return ["viruses: only the test file EICAR is found (see local.scanners)"];
  return [];
}

function earliest(...dates: readonly (Date | undefined)[]): Date | undefined {
  const times = dates.flatMap((date) => (date ? [date.getTime()] : []));
  return times.length > 0 ? new Date(Math.min(...times)) : undefined;
}
