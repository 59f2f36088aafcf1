// Trying an operation out: its form, the same as a curl command, and what the broker answers.

import { copyButton, element, prettyJson, prose } from "./element.js";
import { exampleOf } from "./schema.js";

/** Where the broker is, wherever it has been mounted. */
export const BROKER = new URL("..", import.meta.url);

const HEADERS = ["X-Request-Id", "Content-Type", "Retry-After", "Allow", "ETag", "Deprecation"];
const LONGEST_PRETTY = 2_000_000;
// By parameter, what was typed last: a project is typed once for all operations.
const typed = new Map();

const isDestructive = ({ method, id }) => method === "DELETE" || /:(purge|refreshToken)$/.test(id);
const inShell = (text) => `'${text.replaceAll("'", "'\\''")}'`;
const token = () => document.getElementById("token").value.trim();

/** The panel of one operation. */
export function trial(operation, root) {
  const fields = operation.parameters
    .filter(({ in: place }) => place === "path" || place === "query")
    .map((parameter) => parameterField(operation, parameter));
  const body = operation.bodySchema && bodyField(operation, root);
  const command = element("pre", { tabindex: "0", "aria-label": "curl command" });
  // Said aloud is how it went; the rest is there to be read.
  const outcome = element("p", { class: "outcome", role: "status" });
  const answer = element("div", { class: "answer" });
  const send = element("button", { class: "send" }, "Send");
  const form = element("form", { class: "trial", "aria-label": `Try ${operation.id}` },
    element("h4", {}, "Try it"),
    fields.map(({ row }) => row),
    body?.row,
    element("div", { class: "actions" }, send,
      !operation.isOpen && element("span", { class: "note needs-token" },
        "Needs a token: it goes into the field above.")),
    outcome,
    answer,
    element("div", { class: "curl" }, command, copyButton(() => command.textContent, "the command")));

  const update = () => {
    fields.forEach(({ input, parameter }) => {
      const { pattern } = parameter.schema ?? {};
      const fits = !pattern || !input.value || new RegExp(pattern, "u").test(input.value);
      input.setCustomValidity(fits ? "" : (parameter.description ?? `Must match ${pattern}`).replaceAll("`", ""));
    });
    command.textContent = curl(operation, fields, body);
  };
  form.addEventListener("input", update);
  form.addEventListener("recall", () => {
    fields.forEach(({ input, parameter }) => (input.value = typed.get(parameter.name) ?? input.value));
    update();
  });
  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  });
  let running;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (running) return running.abort();
    const url = new URL(addressOf(operation, fields), BROKER);
    if (isDestructive(operation) && !(await isConfirmed(operation, url))) return undefined;
    running = new AbortController();
    send.textContent = "Cancel";
    outcome.replaceChildren("Waiting for the answer …");
    answer.replaceChildren();
    const found = await exchange(operation, url, body?.input.value, running.signal);
    outcome.replaceChildren(...found.outcome);
    answer.replaceChildren(...found.rest);
    send.textContent = "Send";
    running = undefined;
    return undefined;
  });
  update();
  return form;
}

function parameterField(operation, parameter) {
  const { name, schema = {} } = parameter;
  const id = `${operation.id}-${name}`;
  const input = schema.enum
    ? element("select", { id }, ["", ...schema.enum].map((value) => element("option", {}, value)))
    : element("input", {
        id, autocomplete: "off", spellcheck: "false", autocapitalize: "none",
        placeholder: exampleOf(schema, {}) || false, required: parameter.in === "path",
      });
  // Query parameters of the same name mean other things elsewhere: paths only are remembered.
  if (parameter.in === "path") {
    input.value = typed.get(name) ?? "";
    input.addEventListener("input", () => typed.set(name, input.value));
  }
  const kind = parameter.in === "path" ? "" : element("span", { class: "note" }, ` ${parameter.in}`);
  return { parameter, input, row: element("p", { class: "row" }, element("label", { for: id }, name, kind), input) };
}

function bodyField(operation, root) {
  const id = `${operation.id}-body`;
  const text = JSON.stringify(exampleOf(operation.bodySchema, root, true), null, 2);
  const rows = Math.min(16, text.split("\n").length + 1);
  const input = element("textarea", {
    id, rows, spellcheck: "false", autocapitalize: "none", "aria-describedby": `${id}-note`,
  });
  input.value = text;
  const note = element("span", { id: `${id}-note`, class: "note", role: "status" });
  input.addEventListener("input", () => {
    note.textContent = "";
    try {
      if (input.value.trim()) JSON.parse(input.value);
    } catch {
      note.textContent = "This is not JSON. It can be sent all the same.";
    }
  });
  return { input, row: element("p", { class: "row" }, element("label", { for: id }, "Body"), input, note) };
}

/** Path and query of the request. What is still missing has its name in angle brackets. */
function addressOf(operation, fields) {
  let path = operation.path;
  const query = [];
  for (const { parameter: { name, in: place }, input: { value } } of fields) {
    if (place === "path") path = path.replace(`{${name}}`, () => (value ? encodeURIComponent(value) : `<${name}>`));
    else if (place === "query" && value) query.push(`${encodeURIComponent(name)}=${encodeURIComponent(value)}`);
  }
  return path.slice(1) + (query.length ? `?${query.join("&")}` : "");
}

function curl(operation, fields, body) {
  const method = operation.method === "GET" ? "" : `-X ${operation.method} `;
  const lines = [`curl ${method}${inShell(BROKER.href + addressOf(operation, fields))}`];
  // The token itself is in no command: those are pasted into mails.
  if (!operation.isOpen || token()) lines.push('-H "x-api-key: $TOKEN"');
  if (body?.input.value) lines.push("-H 'Content-Type: application/json'", `--data-raw ${inShell(body.input.value)}`);
  return lines.join(" \\\n  ");
}

/** Asks before something is sent that can't be taken back. */
function isConfirmed(operation, url) {
  const dialog = document.getElementById("confirm");
  dialog.querySelector("h2").replaceChildren(...prose(operation.summary));
  dialog.querySelector("code").textContent = `${operation.method} ${url.pathname}`;
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((settle) => {
    dialog.addEventListener("close", () => settle(dialog.returnValue === "send"), { once: true });
  });
}

/** Sends a request; gives what is to be shown of its answer. */
async function exchange(operation, url, body, signal) {
  const headers = {};
  if (token()) headers["x-api-key"] = token();
  if (body) headers["Content-Type"] = "application/json";
  const started = performance.now();
  try {
    const response = await fetch(url, {
      method: operation.method, headers, body: body || undefined, signal,
      cache: "no-store", credentials: "omit", redirect: "manual",
    });
    const text = await response.text();
    return shown(response, text, performance.now() - started);
  } catch (error) {
    if (signal.aborted) return { outcome: ["Cancelled. The broker may have done it all the same."], rest: [] };
    return {
      outcome: [element("strong", { class: "failed" }, "No answer")],
      rest: [element("p", {}, `The request could not be sent, or the connection broke (${error.message}).`)],
    };
  }
}

function shown(response, text, milliseconds) {
  const bytes = new Blob([text]).size.toLocaleString("en");
  const rows = HEADERS.filter((name) => response.headers.has(name)).map((name) =>
    [element("dt", {}, name), element("dd", {}, response.headers.get(name))]);
  const status = `${response.status} ${response.statusText}`;
  return {
    outcome: [
      element("strong", { class: response.ok ? "ok" : "failed" }, status),
      ` ${Math.round(milliseconds)} ms, ${bytes} bytes`,
    ],
    rest: [element("dl", {}, rows), ...shownBody(text)],
  };
}

function shownBody(text) {
  if (!text) return [element("p", { class: "note" }, "The body is empty.")];
  let content = [text];
  let note = "";
  try {
    if (text.length > LONGEST_PRETTY) note = "Too long to be set out.";
    else content = prettyJson(text);
  } catch {
    note = "This is not JSON; shown as it came.";
  }
  const block = element("pre", { tabindex: "0", "aria-label": "Body of the answer" }, content);
  return [
    element("p", { class: "note" }, note),
    element("div", { class: "curl" }, block, copyButton(() => block.textContent, "the answer")),
  ];
}
