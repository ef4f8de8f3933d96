import { starReasons } from "./star-reasons.ts";

/** What is wrong with a compiled template, with the place in it. */
export interface TemplateFault {
  /** `Resources.RuleStore.Properties.Rule.TlsPolicy` */
  readonly at: string;
  readonly problem: string;
}

interface CompiledResource {
  readonly Type: string;
  readonly Properties?: Readonly<Record<string, unknown>>;
  readonly DependsOn?: string | readonly string[];
  readonly DeletionPolicy?: string;
}

export interface CompiledTemplate {
  readonly Resources: Readonly<Record<string, CompiledResource>>;
  readonly Outputs?: Readonly<Record<string, unknown>>;
}

/** CloudFormation's own limits. */
const maxResources = 500;
const maxTemplateBytes = 1_048_576;

/**
 * Checks what cfn-lint does not see, or sees too late: words of SES's rules, their order, what must exist before them,
 * both permissions of a function URL, policies that allow more than they say. Run on the whole template that osls has
 * compiled, before anything is created and in the tests.
 */
export function checkTemplate(template: CompiledTemplate): readonly TemplateFault[] {
  return [
    ...checkSize(template),
    ...checkRules(template),
    ...checkRuleOrder(template),
    ...checkFunctionUrls(template),
    ...checkPolicies(template),
    ...checkServicePrincipals(template),
    ...checkQueues(template),
    ...checkEnvironments(template),
    ...checkWhatStays(template),
  ];
}

function checkSize(template: CompiledTemplate): TemplateFault[] {
  const count = Object.keys(template.Resources).length;
  const sizeBytes = Buffer.byteLength(JSON.stringify(template));
  return [
    ...(count > maxResources
      ? [
          {
            at: "Resources",
            problem: `${count} resources, and a stack takes ${maxResources}: use fewer streams, or several stages`,
          },
        ]
      : []),
    ...(sizeBytes > maxTemplateBytes
      ? [{ at: "the template", problem: `${sizeBytes} octets, and CloudFormation takes ${maxTemplateBytes}` }]
      : []),
  ];
}

const actionTypes = new Set([
  "S3Action",
  "SNSAction",
  "LambdaAction",
  "BounceAction",
  "StopAction",
  "AddHeaderAction",
  "WorkmailAction",
  "ConnectAction",
]);

function checkRules(template: CompiledTemplate): TemplateFault[] {
  return ofType(template, "AWS::SES::ReceiptRule").flatMap(([id, resource]) => {
    const at = `Resources.${id}`;
    const rule = record(resource.Properties?.["Rule"]);
    const faults: TemplateFault[] = [];
    const tlsPolicy = rule["TlsPolicy"];
    if (tlsPolicy !== undefined && tlsPolicy !== "Require" && tlsPolicy !== "Optional") {
      faults.push({
        at: `${at}.Properties.Rule.TlsPolicy`,
        problem: `${JSON.stringify(tlsPolicy)}: only "Require" and "Optional" are words of SES`,
      });
    }
    for (const [index, action] of list(rule["Actions"]).entries()) {
      const place = `${at}.Properties.Rule.Actions[${index}]`;
      const keys = Object.keys(record(action));
      if (keys.length !== 1) faults.push({ at: place, problem: `${keys.length} actions in one entry: SES takes one` });
      for (const key of keys) {
        if (!actionTypes.has(key)) faults.push({ at: place, problem: `${key} is no action of SES` });
      }
      faults.push(...checkTargets(template, id, place, record(action)));
    }
    return faults;
  });
}

/** SES tests when a rule is made whether it may do what it says: the policies must be there before. */
function checkTargets(
  template: CompiledTemplate,
  id: string,
  at: string,
  action: Readonly<Record<string, unknown>>,
): TemplateFault[] {
  const before = dependenciesOf(template, id);
  const needed: [string, string][] = [];
  const bucket = record(record(action["S3Action"])["BucketName"])["Ref"];
  if (typeof bucket === "string") {
    needed.push(["AWS::S3::BucketPolicy", bucket]);
    if (record(action["S3Action"])["KmsKeyArn"] !== undefined) needed.push(["AWS::KMS::Key", ""]);
  }
  const target = list(record(record(action["LambdaAction"])["FunctionArn"])["Fn::GetAtt"])[0];
  if (typeof target === "string") needed.push(["AWS::Lambda::Permission", target]);
  const topic = record(record(Object.values(action)[0])["TopicArn"])["Ref"];
  if (typeof topic === "string") needed.push(["AWS::SNS::TopicPolicy", topic]);
  return needed.flatMap(([type, of]) => {
    const there = [...before].some((other) => {
      const resource = template.Resources[other];
      return resource?.Type === type && (of === "" || mentions(resource.Properties, of));
    });
    return there ? [] : [{ at, problem: `the rule does not wait for a ${type}${of && ` of ${of}`}` }];
  });
}

/** Without `After` a rule goes to the front: so all but one must name the one before, and no two the same. */
function checkRuleOrder(template: CompiledTemplate): TemplateFault[] {
  const rules = ofType(template, "AWS::SES::ReceiptRule");
  const first = rules.filter(([, resource]) => resource.Properties?.["After"] === undefined);
  const faults: TemplateFault[] = [];
  if (rules.length > 0 && first.length !== 1) {
    faults.push({
      at: "Resources",
      problem: `${first.length} receipt rules without After (${first.map(([id]) => id).join(", ")}): their order would be chance`,
    });
  }
  const followed = new Set<string>();
  for (const [id, resource] of rules) {
    const after = record(resource.Properties?.["After"])["Ref"];
    if (resource.Properties?.["After"] === undefined) continue;
    if (typeof after !== "string" || template.Resources[after]?.Type !== "AWS::SES::ReceiptRule") {
      faults.push({ at: `Resources.${id}.Properties.After`, problem: "names no receipt rule by Ref" });
    } else if (followed.has(after)) {
      faults.push({ at: `Resources.${id}.Properties.After`, problem: `a second rule directly behind ${after}` });
    } else followed.add(after);
  }
  return faults;
}

/** The rules in the order in which SES will run them, as far as `After` says it. */
export function orderedRules(template: CompiledTemplate): readonly Readonly<Record<string, unknown>>[] {
  const rules = ofType(template, "AWS::SES::ReceiptRule");
  const next = new Map(
    rules.map(([id, { Properties }]): [string, string] => [String(record(Properties?.["After"])["Ref"] ?? ""), id]),
  );
  const ordered: Readonly<Record<string, unknown>>[] = [];
  for (let id = next.get(""); id !== undefined && ordered.length < rules.length; id = next.get(id)) {
    ordered.push(record(template.Resources[id]?.Properties?.["Rule"]));
  }
  return ordered;
}

function checkFunctionUrls(template: CompiledTemplate): TemplateFault[] {
  const permissions = ofType(template, "AWS::Lambda::Permission").map(([, { Properties }]) => record(Properties));
  return ofType(template, "AWS::Lambda::Url").flatMap(([id, { Properties }]) => {
    if (record(Properties)["AuthType"] !== "NONE") return [];
    const target = JSON.stringify(record(Properties)["TargetFunctionArn"]);
    const allowed = permissions.filter((permission) => JSON.stringify(permission["FunctionName"]) === target);
    const faults: TemplateFault[] = [];
    const has = (action: string, condition: string, value: unknown) =>
      allowed.some((permission) => permission["Action"] === action && permission[condition] === value);
    if (!has("lambda:InvokeFunctionUrl", "FunctionUrlAuthType", "NONE")) {
      faults.push({ at: `Resources.${id}`, problem: "nobody may use it: lambda:InvokeFunctionUrl is missing" });
    }
    if (!has("lambda:InvokeFunction", "InvokedViaFunctionUrl", true)) {
      faults.push({
        at: `Resources.${id}`,
        problem: "nobody may use it: lambda:InvokeFunction, by way of the URL only, is missing",
      });
    }
    return faults;
  });
}

/** In a role, `*` needs a reason in star-reasons.ts; so does an action with a wildcard. */
function checkPolicies(template: CompiledTemplate): TemplateFault[] {
  return ofType(template, "AWS::IAM::Role").flatMap(([id, { Properties }]) =>
    list(record(Properties)["Policies"]).flatMap((policy, index) =>
      list(record(record(policy)["PolicyDocument"])["Statement"]).flatMap((statement, place): TemplateFault[] => {
        const { Effect, Action, Resource } = record(statement);
        if (Effect !== "Allow") return [];
        const at = `Resources.${id}.Properties.Policies[${index}].PolicyDocument.Statement[${place}]`;
        const actions = [Action].flat().map(String);
        const wide = actions.filter((action) => action.includes("*"));
        const everything = [Resource].flat().some((resource) => resource === "*");
        return [
          ...wide.map((action) => ({ at, problem: `the action ${action} allows more than it says: name each` })),
          ...(everything
            ? actions
                .filter((action) => starReasons[action] === undefined)
                .map((action) => ({ at, problem: `${action} on every resource, and star-reasons.ts says no reason` }))
            : []),
          ...(Resource === undefined || [Resource].flat().length === 0 ? [{ at, problem: "no resource" }] : []),
        ];
      }),
    ),
  );
}

/** A service is everybody's: without SourceAccount another customer's rule, topic or bucket could use what is ours. */
function checkServicePrincipals(template: CompiledTemplate): TemplateFault[] {
  const policies = Object.entries(template.Resources).flatMap(([id, { Type, Properties }]) =>
    Type === "AWS::IAM::Role"
      ? []
      : ["PolicyDocument", "KeyPolicy"].flatMap((name) =>
          list(record(record(Properties)[name])["Statement"]).map((statement, index) => ({
            at: `Resources.${id}.Properties.${name}.Statement[${index}]`,
            statement: record(statement),
          })),
        ),
  );
  const unguarded = policies
    .filter(
      ({ statement }) => statement["Effect"] === "Allow" && record(statement["Principal"])["Service"] !== undefined,
    )
    .flatMap(({ at, statement }): TemplateFault[] => {
      const keys = Object.values(record(statement["Condition"])).flatMap((test) => Object.keys(record(test)));
      const lower = keys.map((key) => key.toLowerCase());
      return ["aws:sourceaccount", "aws:sourcearn"]
        .filter((key) => !lower.includes(key))
        .map((key) => ({ at, problem: `a service may do it for any account: the condition ${key} is missing` }));
    });
  const open = policies
    .filter(({ statement }) => statement["Effect"] === "Allow" && statement["Principal"] === "*")
    .map(({ at }) => ({ at, problem: "everybody is allowed" }));
  const permissions = ofType(template, "AWS::Lambda::Permission").flatMap(([id, { Properties }]): TemplateFault[] => {
    const permission = record(Properties);
    if (permission["Principal"] !== "ses.amazonaws.com") return [];
    return ["SourceAccount", "SourceArn"]
      .filter((key) => permission[key] === undefined)
      .map((key) => ({ at: `Resources.${id}`, problem: `any account's rules may invoke it: ${key} is missing` }));
  });
  return [...unguarded, ...open, ...permissions];
}

function checkQueues(template: CompiledTemplate): TemplateFault[] {
  return ofType(template, "AWS::Lambda::EventSourceMapping").flatMap(([id, { Properties }]): TemplateFault[] => {
    const mapping = record(Properties);
    const at = `Resources.${id}`;
    const queueId = String(list(record(mapping["EventSourceArn"])["Fn::GetAtt"])[0]);
    const functionId = String(list(record(mapping["FunctionName"])["Fn::GetAtt"])[0]);
    const queue = record(template.Resources[queueId]?.Properties);
    const timeout = Number(record(template.Resources[functionId]?.Properties)["Timeout"]);
    const visibility = Number(queue["VisibilityTimeout"]);
    const faults: TemplateFault[] = [];
    if (!(visibility >= 6 * timeout)) {
      faults.push({ at, problem: `${queueId} hides a message for ${visibility} s, less than 6 times ${timeout} s` });
    }
    if (record(queue["RedrivePolicy"])["deadLetterTargetArn"] === undefined) {
      faults.push({ at, problem: `${queueId} has no dead-letter queue` });
    }
    if (!list(mapping["FunctionResponseTypes"]).includes("ReportBatchItemFailures")) {
      faults.push({ at, problem: "one failed record would repeat the whole batch" });
    }
    return faults;
  });
}

/** Whoever may list functions reads their environments. */
function checkEnvironments(template: CompiledTemplate): TemplateFault[] {
  return ofType(template, "AWS::Lambda::Function").flatMap(([id, { Properties }]) => {
    const variables = record(record(record(Properties)["Environment"])["Variables"]);
    return Object.entries(variables).flatMap(([name, value]): TemplateFault[] => {
      const secret =
        /secret|password|private|credential|api_?key|token/i.test(name) ||
        /\{\{resolve:(?:secretsmanager|ssm-secure)/.test(JSON.stringify(value));
      return secret ? [{ at: `Resources.${id}.Environment.${name}`, problem: "looks like a secret" }] : [];
    });
  });
}

const stays = new Set(["AWS::S3::Bucket", "AWS::DynamoDB::Table", "AWS::KMS::Key", "AWS::SecretsManager::Secret"]);

function checkWhatStays(template: CompiledTemplate): TemplateFault[] {
  return Object.entries(template.Resources).flatMap(([id, { Type, DeletionPolicy }]) =>
    stays.has(Type) && id !== "ServerlessDeploymentBucket" && !DeletionPolicy?.startsWith("Retain")
      ? [{ at: `Resources.${id}`, problem: `it would be deleted with the stack` }]
      : [],
  );
}

// ---- reading a template ----

function ofType({ Resources }: CompiledTemplate, type: string): [string, CompiledResource][] {
  return Object.entries(Resources).filter(([, resource]) => resource.Type === type);
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : {};
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function mentions(value: unknown, logicalId: string): boolean {
  return references(value).has(logicalId);
}

/** Everything that is created before a resource. */
function dependenciesOf(template: CompiledTemplate, id: string, found = new Set<string>()): ReadonlySet<string> {
  const resource = template.Resources[id];
  for (const next of [...[resource?.DependsOn ?? []].flat(), ...references(resource?.Properties)]) {
    if (found.has(next) || !template.Resources[next]) continue;
    found.add(next);
    dependenciesOf(template, next, found);
  }
  return found;
}

function references(value: unknown): ReadonlySet<string> {
  if (Array.isArray(value)) return new Set(value.flatMap((item) => [...references(item)]));
  if (typeof value !== "object" || value === null) return new Set();
  return new Set(
    Object.entries(value).flatMap(([key, inner]: [string, unknown]): string[] => {
      if (key === "Ref") return [String(inner)];
      if (key === "Fn::GetAtt") return [String([inner].flat()[0]).split(".")[0] ?? ""];
      if (key === "Fn::Sub") {
        return [...JSON.stringify(inner).matchAll(/\$\{([A-Za-z0-9]+)(?:\.[A-Za-z.]+)?\}/g)].map(
          (match) => match[1] ?? "",
        );
      }
      return [...references(inner)];
    }),
  );
}
