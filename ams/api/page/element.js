// Makes elements. Whatever comes from the server goes through here, and is text.

/** An element with attributes; children are elements or texts. */
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === "function") made.addEventListener(key, value);
    else if (value === true) made.setAttribute(key, "");
    else if (value !== false && value !== undefined) made.setAttribute(key, value);
  }
  made.append(...children.flat(Infinity).filter((child) => child || child === 0));
  return made;
}

/** A text whose parts in backticks are code. */
export function prose(text) {
  return text
    .split(/`([^`]*)`/)
    .map((part, index) => (index % 2 ? element("code", {}, part) : part));
}

/** A button that copies what `text` gives at that moment. */
export function copyButton(text, what) {
  const button = element("button", { type: "button", class: "copy" }, "Copy");
  button.setAttribute("aria-label", `Copy ${what}`);
  button.addEventListener("click", async () => {
    let done = "Copied";
    try {
      await navigator.clipboard.writeText(text());
    } catch {
      // Browsers give no clipboard to a page without TLS: at least select it.
      getSelection().selectAllChildren(button.parentElement.querySelector("pre"));
      done = "Selected";
    }
    button.textContent = done;
    setTimeout(() => (button.textContent = "Copy"), 1500);
  });
  return button;
}

const TOKENS = /"(?:[^"\\]+|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g;
// Above this, colours cost more than they tell.
const MOST_COLOURED_TOKENS = 20_000;

/** JSON on many lines, in colours. Works on the text, so that no number is rounded.
 *  Throws if it is no JSON. */
export function prettyJson(text) {
  JSON.parse(text);
  const tokens = text.match(TOKENS);
  const parts = [];
  let depth = 0;
  const newLine = () => `\n${"  ".repeat(depth)}`;
  tokens.forEach((token, index) => {
    const next = tokens[index + 1];
    if (token === "{" || token === "[") {
      const isEmpty = next === "}" || next === "]";
      depth += 1;
      parts.push(["", isEmpty ? token : token + newLine()]);
    } else if (token === "}" || token === "]") {
      depth -= 1;
      const isEmpty = tokens[index - 1] === "{" || tokens[index - 1] === "[";
      parts.push(["", isEmpty ? token : newLine() + token]);
    } else if (token === ",") parts.push(["", token + newLine()]);
    else if (token === ":") parts.push(["", ": "]);
    else parts.push([next === ":" ? "key" : token[0] === '"' ? "text" : "literal", token]);
  });
  if (parts.length > MOST_COLOURED_TOKENS) return [parts.map(([, part]) => part).join("")];
  return parts.map(([kind, part]) => (kind ? element("span", { class: kind }, part) : part));
}
