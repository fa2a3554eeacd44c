/** What of JSON Schema a form draws (connectors/sdk/form.py), and what is typed into it. Pure. */

export interface Schema {
  type?: string;
  title?: string;
  description?: string;
  default?: unknown;
  format?: string;
  writeOnly?: boolean;
  enum?: readonly (string | number)[];
  const?: unknown;
  minimum?: number;
  maximum?: number;
  maxLength?: number;
  items?: Schema;
  additionalProperties?: boolean | Schema;
  properties?: Readonly<Record<string, Schema>>;
  required?: readonly string[];
  oneOf?: readonly Schema[];
  discriminator?: { propertyName: string; mapping?: Readonly<Record<string, string>> };
  $ref?: string;
  $defs?: Readonly<Record<string, Schema>>;
}

export type Values = Readonly<Record<string, unknown>>;

/** The word for a secret that is kept on the server; sending it back keeps the secret. */
export const KEPT = "set";

export type Shape =
  | "text"
  | "secret"
  | "sql"
  | "integer"
  | "number"
  | "boolean"
  | "choice"
  | "texts"
  | "choices"
  | "pairs"
  | "group"
  | "union"
  | "unknown";

/** A schema with what it refers to; its own words (title, description) win. */
export function resolved(schema: Schema, defs: Readonly<Record<string, Schema>>): Schema {
  if (!schema.$ref) return schema;
  const { $ref, ...own } = schema;
  return { ...defs[$ref.replace("#/$defs/", "")], ...own };
}

export function shapeOf(schema: Schema): Shape {
  if (schema.oneOf && schema.discriminator) return "union";
  switch (schema.type) {
    case "string":
      if (schema.enum) return "choice";
      if (schema.format === "password") return "secret";
      return schema.format === "sql" ? "sql" : "text";
    case "integer":
    case "number":
    case "boolean":
      return schema.type;
    case "array":
      if (schema.items?.type !== "string") return "unknown";
      return schema.items.enum ? "choices" : "texts";
    case "object":
      return schema.properties ? "group" : "pairs";
    default:
      return "unknown";
  }
}

/** The values with one changed; undefined takes it away, so that its default holds. */
export function withValue(values: Values, name: string, value: unknown): Values {
  const { [name]: _, ...rest } = values;
  return value === undefined ? rest : { ...rest, [name]: value };
}

/** What a number field holds: the number where the text is one, else the text, for the server to refuse. */
export function typedNumber(text: string): number | string | undefined {
  const trimmed = text.trim();
  if (trimmed === "") return undefined;
  const value = Number(trimmed);
  return Number.isFinite(value) && String(value) === trimmed ? value : text;
}

/** The member of a union that the values have chosen, else the default's, else the first. */
export function memberOf(
  schema: Schema,
  values: Values,
  defs: Readonly<Record<string, Schema>>,
): { tag: string; members: readonly { tag: string; schema: Schema }[] } {
  const name = schema.discriminator?.propertyName ?? "kind";
  const members = (schema.oneOf ?? []).map((each) => {
    const member = resolved(each, defs);
    return { tag: String(member.properties?.[name]?.const ?? ""), schema: member };
  });
  const chosen = values[name] ?? (schema.default as Values | undefined)?.[name];
  return { tag: String(chosen ?? members[0]?.tag ?? ""), members };
}

export interface Trouble {
  pointer: string;
  detail: string;
}

/** A JSON pointer's next step (RFC 6901). */
export const below = (pointer: string, name: string | number): string =>
  `${pointer}/${String(name).replaceAll("~", "~0").replaceAll("/", "~1")}`;

const isBelow = (pointer: string, at: string) => pointer.startsWith(`${at}/`);

/** What is wrong exactly here. */
export const at = (errors: readonly Trouble[], pointer: string): Trouble[] =>
  errors.filter((error) => error.pointer === pointer);

/** What is wrong here or anywhere below. */
export const within = (errors: readonly Trouble[], pointer: string): Trouble[] =>
  errors.filter((error) => error.pointer === pointer || isBelow(error.pointer, pointer));

/** What is wrong here or below, but at none of the named fields: shown by the group itself. */
export function strays(
  errors: readonly Trouble[],
  pointer: string,
  names: readonly string[],
): Trouble[] {
  const fields = names.map((name) => below(pointer, name));
  return within(errors, pointer).filter(
    (error) => !fields.some((field) => error.pointer === field || isBelow(error.pointer, field)),
  );
}

/** The values a new form begins with: nothing but what must be chosen. */
export function emptyValues(schema: Schema): Values {
  const defs = schema.$defs ?? {};
  const values: Record<string, unknown> = {};
  for (const name of schema.required ?? []) {
    const field = schema.properties?.[name];
    if (field && shapeOf(resolved(field, defs)) === "group") values[name] = {};
  }
  return values;
}

/** Whether a group is long enough to be folded, and holds nothing yet. */
export const isFoldable = (value: unknown): boolean =>
  value === undefined || value === null || Object.keys(value as object).length === 0;
