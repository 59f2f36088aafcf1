// What the types of the document are called, hold, and look like.

import { element, prose } from "./element.js";

/** A schema with its references followed; what stands beside a reference counts more. */
function resolve(schema, root) {
  let resolved = schema ?? {};
  for (let left = 20; resolved.$ref && left; left -= 1) {
    const { $ref, ...beside } = resolved;
    const keys = $ref.replace(/^#\//, "").split("/");
    resolved = { ...keys.reduce((value, key) => value?.[key], root), ...beside };
  }
  return resolved;
}

const choicesOf = (schema) => schema.anyOf ?? schema.oneOf ?? schema.allOf ?? [];
const nameOf = (schema) => schema.$ref?.split("/").at(-1);

/** What a type is called: `list of Message`, `string or integer`. */
export function typeName(schema, root) {
  if (nameOf(schema)) return nameOf(schema);
  const choices = choicesOf(schema);
  if (choices.length) return choices.map((choice) => typeName(choice, root)).join(" or ");
  if (schema.type === "array") return `list of ${typeName(schema.items ?? {}, root)}`;
  if (schema.type === "object" && schema.additionalProperties?.type) {
    return `map of ${typeName(schema.additionalProperties, root)}`;
  }
  return [schema.type ?? "anything"].flat().join(" or ");
}

/** The schema with fields that a type is about: itself, or what its lists and maps hold. */
function structure(schema, root) {
  const resolved = resolve(schema, root);
  if (resolved.properties) return { name: nameOf(schema), ...resolved };
  const inner = [resolved.items, resolved.additionalProperties, ...choicesOf(resolved)];
  for (const each of inner) {
    const found = each && typeof each === "object" && structure(each, root);
    if (found) return found;
  }
  return undefined;
}

const isEmpty = (value) =>
  value === null || value === "" || value === false || value === 0 ||
  (typeof value === "object" && Object.keys(value).length === 0);

/** What limits a value, in words. */
function limits({ enum: values, minimum, maximum, minLength, maxLength, default: usual }) {
  const code = (value) => element("code", {}, JSON.stringify(value));
  const found = [];
  if (values) found.push(["one of ", values.map((value) => [code(value), " "])]);
  if (minimum !== undefined) found.push([`from ${minimum}`]);
  if (maximum !== undefined) found.push([`to ${maximum}`]);
  if (minLength !== undefined) found.push([`at least ${minLength} long`]);
  if (maxLength !== undefined) found.push([`at most ${maxLength} long`]);
  if (usual !== undefined && !isEmpty(usual)) found.push(["by default ", code(usual)]);
  return found.map((each) => element("span", { class: "limit" }, each));
}

/** One line of a list of fields or parameters. */
export function fieldLine(name, schema, { mark, description, more }, root) {
  const resolved = resolve(schema, root);
  const text = description ?? resolved.description ?? resolved.items?.description;
  return element("li", {},
    element("code", { class: "name" }, name), " ",
    element("span", { class: "type" }, typeName(schema, root)), " ",
    mark && element("span", { class: mark }, mark), " ",
    resolved.readOnly && element("span", { class: "limit" }, "read only"), " ",
    limits(resolved).flatMap((limit) => [limit, " "]),
    text && element("p", {}, prose(text)),
    more);
}

/** The fields of a type, those of the types in it folded below them.
 *  Marked are those that are required, or in an answer those that are optional. */
export function fieldList(schema, root, marked, seen = []) {
  const { properties = {}, required = [] } = structure(schema, root) ?? {};
  const lines = Object.entries(properties).map(([name, field]) => {
    const inner = structure(field, root);
    const isShown = inner && Object.keys(inner.properties).length && !seen.includes(inner.name);
    const more = isShown && element("details", { open: hasExample(field, root) },
      element("summary", {}, `Fields of ${inner.name ?? name}`),
      fieldList(field, root, marked, [...seen, inner.name]));
    const description = inner && !field.description ? inner.description : undefined;
    const mark = marked === (required.includes(name) ? "required" : "optional") && marked;
    return fieldLine(name, field, { mark, description, more }, root);
  });
  return lines.length ? element("ul", { class: "fields" }, lines) : "";
}

/** Whether a type, or one in it, says what it looks like. */
function hasExample(schema, root, seen = []) {
  if (seen.includes(schema.$ref)) return false;
  const resolved = resolve(schema, root);
  if (resolved.examples?.length) return true;
  const inner = [resolved.items, ...Object.values(resolved.properties ?? {})];
  const inside = schema.$ref ? [...seen, schema.$ref] : seen;
  return inner.some((each) => each && hasExample(each, root, inside));
}

/** A value of a type. As a body it has only what is required or has an example of its own. */
export function exampleOf(schema, root, isBody = false, seen = []) {
  if (seen.includes(schema.$ref)) return {};
  const resolved = resolve(schema, root);
  if (resolved.examples?.length) return resolved.examples[0];
  if (resolved.enum) return resolved.enum[0];
  if (resolved.default !== undefined && !isEmpty(resolved.default)) return resolved.default;
  const inside = schema.$ref ? [...seen, schema.$ref] : seen;
  const inner = (each) => exampleOf(each, root, isBody, inside);
  const [choice] = choicesOf(resolved);
  if (choice) return inner(choice);
  switch ([resolved.type].flat()[0]) {
    case "object": {
      const { properties = {}, required = [], additionalProperties } = resolved;
      const shown = Object.entries(properties).filter(([name, field]) => !isBody ||
        (!resolve(field, root).readOnly && (required.includes(name) || hasExample(field, root))));
      const example = shown.map(([name, field]) => [name, inner(field)]);
      if (additionalProperties?.type) example.push(["name", inner(additionalProperties)]);
      return Object.fromEntries(example);
    }
    case "array": return resolved.items ? [inner(resolved.items)] : [];
    case "integer":
    case "number": return resolved.minimum ?? 0;
    case "boolean": return false;
    case "null": return null;
    default: return "";
  }
}
