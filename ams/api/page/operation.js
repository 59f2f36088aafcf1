// One operation: what it takes, answers, and how it fails.

import { element, prettyJson, prose } from "./element.js";
import { exampleOf, fieldLine, fieldList, typeName } from "./schema.js";
import { trial } from "./trial.js";

const METHODS = ["get", "post", "put", "patch", "delete", "head", "options"];
const jsonOf = (described) => described?.content?.["application/json"];

/** All operations of a document, by their paths: a list first, then what is in it. */
export function operationsOf(root) {
  return Object.entries(root.paths ?? {}).flatMap(([path, item]) =>
    METHODS.filter((method) => item[method]).map((method) => read(path, method, item)))
    .sort((one, other) => (one.path < other.path ? -1 : one.path > other.path ? 1 : 0));
}

function read(path, method, item) {
  const described = item[method];
  const id = described.operationId ?? `${method}:${path}`;
  const tag = described.tags?.[0] ?? "other";
  const roles = described["x-roles"] ?? [];
  const operation = {
    id, tag, path, roles, described,
    method: method.toUpperCase(),
    summary: described.summary ?? "",
    parameters: [...(item.parameters ?? []), ...(described.parameters ?? [])],
    bodySchema: jsonOf(described.requestBody)?.schema,
    isOpen: (described.security ?? []).some((way) => Object.keys(way).length === 0),
  };
  operation.words = [id, tag, path, operation.method, operation.summary, ...roles].join(" ").toLowerCase();
  return operation;
}

/** The folded entry of an operation; what it holds is made when it is opened. */
export function entry(operation, root) {
  const { id, method, path, summary } = operation;
  const details = element("details", {},
    element("summary", {},
      element("h3", {}, badge(method), " ", element("code", {}, breakable(path))),
      element("span", { class: "what" }, prose(summary))));
  details.addEventListener("toggle", () => {
    if (!details.open) return;
    if (details.childElementCount === 1) details.append(content(operation, root));
    details.querySelector("form").dispatchEvent(new Event("recall"));
  });
  return element("article", { id, class: "operation", "aria-label": id }, details);
}

export function badge(method) {
  return element("span", { class: `method ${method.toLowerCase()}` }, method);
}

/** A path that a line may break after a slash. */
function breakable(path) {
  return path.split(/(?<=\/)|(?=:)/).flatMap((part) => [element("wbr"), part]);
}

function content(operation, root) {
  const { described, parameters, id } = operation;
  return element("div", { class: "content" },
    element("div", { class: "reading" },
      described.description && paragraphs(described.description),
      element("p", { class: "who" }, element("code", {}, id), element("br"), access(operation)),
      parameters.length > 0 && section("Parameters",
        element("ul", { class: "fields" }, parameters.map((each) => fieldLine(
          each.name, each.schema ?? {},
          { mark: each.required && "required", description: each.description }, root)))),
      operation.bodySchema && typed(
        described.requestBody.required ? "Body" : "Body, may be empty", operation.bodySchema, root, "required"),
      answers(described, root),
      failures(described, root)),
    trial(operation, root));
}

export function paragraphs(text) {
  return text.trim().split(/\n{2,}/).map((each) => element("p", {}, prose(each)));
}

function access({ isOpen, roles }) {
  if (isOpen) return "No role needed.";
  if (!roles.length) return "For no role, unless an operator gives it one.";
  return ["Roles: ", roles.flatMap((role) => [element("span", { class: "role" }, role), " "])];
}

function section(title, ...children) {
  return element("section", {}, element("h4", {}, title), children);
}

/** A type: its name, what it is, its fields. */
function typed(title, schema, root, marked, example) {
  const name = schema.$ref?.split("/").at(-1);
  const { description } = root.components?.schemas?.[name] ?? {};
  return section([title, element("span", { class: "type" }, typeName(schema, root))],
    description && element("p", {}, prose(description)),
    fieldList(schema, root, marked, [name]),
    example);
}

function answers(described, root) {
  return Object.entries(described.responses ?? {})
    .filter(([code]) => code < "400")
    .map(([code, response]) => {
      const schema = jsonOf(response)?.schema;
      if (!schema) return section(`Answer ${code}`, element("p", {}, prose(response.description ?? "")));
      const note = response.description !== "Done." && element("p", {}, prose(response.description));
      const json = prettyJson(JSON.stringify(exampleOf(schema, root)));
      const example = element("details", {}, element("summary", {}, "Example"),
        element("pre", { tabindex: "0", "aria-label": "Example of the answer" }, json));
      return typed(`Answer ${code}`, schema, root, "optional", [note, example]);
    });
}

function failures(described, root) {
  const rows = Object.entries(described.responses ?? {})
    .filter(([code]) => code >= "400")
    .flatMap(([code, response]) => {
      const examples = Object.values(jsonOf(response)?.examples ?? {});
      if (!examples.length) return [errorRow(code, "", response.description ?? "")];
      return examples.map(({ value }) => errorRow(code, value.error?.status ?? "", value.error?.message ?? ""));
    });
  if (!rows.length) return "";
  return section("Errors", element("table", {},
    element("caption", { class: "hidden" }, "Errors by HTTP code"),
    element("thead", {}, element("tr", {},
      ["Code", "Status and message"].map((title) => element("th", { scope: "col" }, title)))),
    element("tbody", {}, rows)));
}

function errorRow(code, status, message) {
  return element("tr", {}, element("th", { scope: "row" }, code),
    element("td", {}, status && element("code", {}, status), " ", message));
}
