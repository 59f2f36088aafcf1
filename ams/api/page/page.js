// The page: reads the OpenAPI document of its broker, and lets people find their way in it.

import { element } from "./element.js";
import { badge, entry, operationsOf, paragraphs } from "./operation.js";
import { BROKER } from "./trial.js";

const DOCUMENT = new URL("v1/openapi.json", BROKER);
const STORED_TOKEN = "ams-token";
const main = document.getElementById("content");
const status = document.getElementById("status");
const index = document.getElementById("index");
const filter = document.getElementById("filter");
const wide = matchMedia("(min-width: 60rem)");

/** The index is always there on a wide screen, and folded on a small one. */
const fold = () => (index.open = wide.matches);

async function load() {
  status.textContent = "Reading the document …";
  try {
    const response = await fetch(DOCUMENT);
    if (!response.ok) throw new Error(`it answered ${response.status}`);
    show(await response.json());
    status.textContent = "";
  } catch (error) {
    status.replaceChildren(`The document could not be read: ${error.message}. `,
      element("button", { type: "button", click: load }, "Try again"));
  }
}

function show(root) {
  const operations = operationsOf(root);
  main.append(introduction(root));
  const described = (root.tags ?? []).map(({ name }) => name);
  const groups = [...new Set([...described, ...operations.map(({ tag }) => tag)])]
    .map((tag) => ({ tag, operations: operations.filter((each) => each.tag === tag) }))
    .filter((group) => group.operations.length);
  for (const group of groups) {
    const text = root.tags?.find(({ name }) => name === group.tag)?.description;
    group.shown = [groupSection(group, text, root), groupIndex(group)];
    main.append(group.shown[0]);
    index.append(group.shown[1]);
  }
  filter.addEventListener("input", () => narrow(groups));
  if (filter.value) narrow(groups);
  addEventListener("hashchange", goToHash);
  goToHash();
}

function introduction({ info = {}, components = {} }) {
  const ways = Object.values(components.securitySchemes ?? {}).map((way) => {
    const isHttp = way.type === "http";
    const where = isHttp ? `Authorization: ${way.scheme === "bearer" ? "Bearer" : way.scheme}` : way.name;
    const kind = isHttp ? "header" : way.in === "query" ? "query parameter" : way.in;
    return element("li", {}, `${kind} `, element("code", {}, where),
      way.description && ` – ${way.description}`);
  });
  return element("section", { class: "introduction" },
    element("h1", {}, `${info.title ?? ""} API `, element("span", { class: "version" }, info.version ?? "")),
    paragraphs(info.description ?? ""),
    ways.length > 0 && [element("p", {}, "A token goes into one of these:"), element("ul", {}, ways)],
    element("p", {}, element("a", { href: DOCUMENT.href }, "OpenAPI document"), " for tools and generators."));
}

function groupSection({ tag, operations }, text, root) {
  return element("section", { class: "group", "aria-labelledby": `group-${tag}` },
    element("h2", { id: `group-${tag}` }, tag),
    text && element("p", {}, text),
    operations.map((each) => (each.entry = entry(each, root))));
}

function groupIndex({ tag, operations }) {
  const links = operations.map((each) => {
    const [resource, ...verb] = each.id.split(":");
    const text = resource === tag && verb.length ? verb.join(":") : each.id;
    const link = element("a", { href: `#${each.id}`, title: each.summary }, badge(each.method), " ", text);
    link.addEventListener("click", fold);
    // A click on the entry itself keeps the address up to date, too.
    each.entry.querySelector("summary").addEventListener("click", () => {
      if (!each.entry.firstChild.open) history.replaceState(null, "", `#${each.id}`);
      mark();
    });
    return (each.link = element("li", {}, link));
  });
  return element("section", {}, element("h2", {}, tag), element("ul", {}, links));
}

/** Shows those operations only that have all the words of the filter. */
function narrow(groups) {
  const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
  let count = 0;
  for (const { operations, shown } of groups) {
    let any = false;
    for (const { entry: article, link, words: own } of operations) {
      const fits = words.every((word) => own.includes(word));
      article.hidden = link.hidden = !fits;
      any ||= fits;
      count += fits;
    }
    shown.forEach((part) => (part.hidden = !any));
  }
  main.querySelector(".introduction").hidden = words.length > 0;
  const found = `${count || "No"} ${count === 1 ? "operation has" : "operations have"} all of these words.`;
  status.textContent = words.length ? found : "";
}

/** Opens what the address names. */
function goToHash() {
  const article = document.getElementById(decodedHash());
  if (!article?.matches(".operation")) return;
  if (article.hidden) {
    filter.value = "";
    filter.dispatchEvent(new Event("input"));
  }
  article.firstChild.open = true;
  mark();
  article.scrollIntoView();
  article.querySelector("summary").focus({ preventScroll: true });
}

function decodedHash() {
  try {
    return decodeURIComponent(location.hash.slice(1));
  } catch {
    return "";
  }
}

function mark() {
  index.querySelector("[aria-current]")?.removeAttribute("aria-current");
  const link = [...index.querySelectorAll("a")].find((each) => each.hash === location.hash);
  link?.setAttribute("aria-current", "location");
  if (wide.matches) link?.scrollIntoView({ block: "nearest" });
}

function keepToken() {
  const field = document.getElementById("token");
  const changed = () => {
    document.body.classList.toggle("has-token", Boolean(field.value.trim()));
    main.querySelectorAll("details[open] > .content > form")
      .forEach((form) => form.dispatchEvent(new Event("recall")));
  };
  // A browser may refuse its storage: then the token lives as long as the page.
  try {
    field.value = sessionStorage.getItem(STORED_TOKEN) ?? "";
  } catch { /* as above */ }
  field.addEventListener("input", () => {
    try {
      if (field.value) sessionStorage.setItem(STORED_TOKEN, field.value.trim());
      else sessionStorage.removeItem(STORED_TOKEN);
    } catch { /* as above */ }
    changed();
  });
  changed();
}

addEventListener("keydown", (event) => {
  const isTyping = event.target.matches?.("input, textarea, select");
  if (event.key === "/" && !isTyping && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    filter.select();
    filter.focus();
  }
});
wide.addEventListener("change", fold);
fold();
keepToken();
load();
