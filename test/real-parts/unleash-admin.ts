import type { RunningUnleash } from './unleash.ts';

/** A strategy in the words of Unleash's admin API; `segments` are the ids of segments. */
export interface AdminStrategy {
  readonly name: string;
  readonly parameters?: Readonly<Record<string, string>>;
  readonly constraints?: readonly AdminConstraint[];
  readonly segments?: readonly number[];
  /** `{name: 'red', weight: 500, weightType: 'variable', stickiness: 'default'}`; all weights of a flag make 1000. */
  readonly variants?: readonly object[];
}

/** `{contextName: 'capability', operator: 'IN', values: ['shipments']}` */
export interface AdminConstraint {
  readonly contextName: string;
  readonly operator: string;
  readonly values?: readonly string[];
  readonly value?: string;
  readonly inverted?: boolean;
  readonly caseInsensitive?: boolean;
}

/** What an operator does at a server, and what the server itself says of its flags; all in its environment `development`. */
export class UnleashAdmin {
  readonly #server: Pick<RunningUnleash, 'url' | 'adminToken'>;

  constructor(server: Pick<RunningUnleash, 'url' | 'adminToken'>) {
    this.#server = server;
  }

  /** Makes a flag that is off. */
  async createFlag(name: string, ...strategies: readonly AdminStrategy[]): Promise<void> {
    await this.#ask('POST', '/projects/default/features', { name, type: 'release' });
    await this.#addStrategies(name, strategies);
  }

  /** Gives a flag these strategies in place of those it has. */
  async replaceStrategies(flag: string, strategies: readonly AdminStrategy[]): Promise<void> {
    const before = (await this.#ask('GET', `${inDevelopment(flag)}/strategies`)) as { id: string }[];
    await this.#addStrategies(flag, strategies);
    for (const { id } of before) await this.#ask('DELETE', `${inDevelopment(flag)}/strategies/${id}`);
  }

  async setOn(flag: string, on: boolean): Promise<void> {
    await this.#ask('POST', `${inDevelopment(flag)}/${on ? 'on' : 'off'}`);
  }

  /** Makes a flag depend on another. */
  async addDependency(flag: string, on: { feature: string; enabled?: boolean; variants?: string[] }): Promise<void> {
    await this.#ask('POST', `/projects/default/features/${flag}/dependencies`, on);
  }

  /** How often the server was told that a flag was asked for in the last hour, over all applications. */
  async usesOf(flag: string): Promise<{ yes: number; no: number }> {
    const path = `/client-metrics/features/${flag}/raw?hoursBack=1`;
    const { data } = (await this.#ask('GET', path)) as { data: readonly { yes: number; no: number }[] };
    return data.reduce((sum, { yes, no }) => ({ yes: sum.yes + yes, no: sum.no + no }), { yes: 0, no: 0 });
  }

  async archive(flag: string): Promise<void> {
    await this.#ask('DELETE', `/projects/default/features/${flag}`);
  }

  /** After this the name can be given again. */
  async remove(flag: string): Promise<void> {
    await this.archive(flag);
    await this.#ask('DELETE', `/archive/${flag}`);
  }

  /** Declares a kind of strategy beside those the server knows; what it means is the clients' affair. */
  async declareStrategy(name: string, ...parameters: readonly string[]): Promise<void> {
    const declared = parameters.map((parameter) => ({ name: parameter, type: 'list', required: false }));
    await this.#ask('POST', '/strategies', { name, parameters: declared });
  }

  /** Gives its id. */
  async createSegment(name: string, ...constraints: readonly AdminConstraint[]): Promise<number> {
    const { id } = (await this.#ask('POST', '/segments', { name, constraints })) as { id: number };
    return id;
  }

  /** A further token like the one that the server was started with. */
  async createClientToken(tokenName: string): Promise<string> {
    const wish = { tokenName, type: 'client', environment: 'development', projects: ['default'] };
    const { secret } = (await this.#ask('POST', '/api-tokens', wish)) as { secret: string };
    return secret;
  }

  async revokeToken(secret: string): Promise<void> {
    await this.#ask('DELETE', `/api-tokens/${encodeURIComponent(secret)}`);
  }

  /** Those of the values of one context field for which the server's own evaluation, its playground, has the flag on. */
  async chosen(question: PlaygroundQuestion): Promise<string[]> {
    const evaluations = await this.evaluations(question);
    return evaluations.filter(({ isEnabled }) => isEnabled).map(({ context }) => context[question.field]!);
  }

  /** What the server's own evaluation, its playground, says for each value of one context field. */
  async evaluations({ values, ...question }: PlaygroundQuestion): Promise<PlaygroundEvaluation[]> {
    const evaluations: PlaygroundEvaluation[] = [];
    for (let start = 0; start < values.length; start += playgroundValues) {
      const some = values.slice(start, start + playgroundValues);
      evaluations.push(...(await this.#playground({ ...question, values: some })));
    }
    return evaluations;
  }

  async #playground({ flag, field, values, properties = {} }: PlaygroundQuestion): Promise<PlaygroundEvaluation[]> {
    const answer = (await this.#ask('POST', '/playground/advanced', {
      environments: ['development'],
      projects: ['default'],
      context: { appName: 'playground', [field]: values.join(','), properties },
    })) as PlaygroundAnswer;
    return [...(answer.features.find(({ name }) => name === flag)?.environments.development ?? [])];
  }

  async #addStrategies(flag: string, strategies: readonly AdminStrategy[]): Promise<void> {
    for (const strategy of strategies) await this.#ask('POST', `${inDevelopment(flag)}/strategies`, strategy);
  }

  async #ask(method: string, path: string, body?: object): Promise<unknown> {
    const { url, adminToken } = this.#server;
    const answer = await fetch(`${url}/admin${path}`, {
      method,
      headers: { authorization: adminToken, 'content-type': 'application/json' },
      body: body && JSON.stringify(body),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} /admin${path}: Unleash answered ${answer.status}: ${text}`);
    return text === '' || !answer.headers.get('content-type')?.includes('json') ? undefined : JSON.parse(text);
  }
}

/** The playground refuses more than 15,000 evaluations at once, and evaluates every flag of the project. */
const playgroundValues = 500;

const inDevelopment = (flag: string) => `/projects/default/features/${flag}/environments/development`;

/** For whom is a flag on? */
export interface PlaygroundQuestion {
  readonly flag: string;
  readonly field: 'userId' | 'sessionId';
  readonly values: readonly string[];
  readonly properties?: Readonly<Record<string, string>>;
}

interface PlaygroundAnswer {
  readonly features: readonly {
    readonly name: string;
    readonly environments: { readonly development: readonly PlaygroundEvaluation[] };
  }[];
}

/** What the playground says of a flag in one context. */
export interface PlaygroundEvaluation {
  readonly isEnabled: boolean;
  readonly variant: { readonly name: string };
  readonly context: Readonly<Record<string, string>>;
}
