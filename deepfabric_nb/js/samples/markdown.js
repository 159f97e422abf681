// Markdown of models, rendered so that nothing in it acts, is fetched, or takes long. Raw HTML is shown as text.
import DOMPurify from "dompurify";
import MarkdownIt from "markdown-it";

const DEEPEST = 24; // levels of nesting
const LONGEST = 150; // ms
const LANGUAGE = 60; // characters that may stand above a block of code; more are a part of it
const TAGS = ["p", "br", "hr", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "ul", "ol", "li", "pre", "code", "em", "strong", "s", "a", "table", "thead", "tbody", "tr", "th", "td"];
const ATTRIBUTES = ["href", "start", "title"];
const ADDRESS = /^(?:https?:|mailto:)/i;

class TooMuch extends Error {}

let deadline = Infinity;

function limit(state) {
  if (state.level > DEEPEST || performance.now() > deadline) throw new TooMuch();
  return false;
}

function made() {
  const markdown = new MarkdownIt({ html: false, linkify: false, maxNesting: 4 * DEEPEST });
  markdown.validateLink = (address) => ADDRESS.test(address.trim());
  markdown.block.ruler.before("table", "limit", limit, { alt: ["paragraph", "reference", "blockquote", "list"] });
  markdown.inline.ruler.before("text", "limit", limit);
  const { utils } = markdown;
  const { rules } = markdown.renderer;
  rules.image = (tokens, at) => {
    const { content, attrs } = tokens[at];
    const [, address] = attrs.find(([name]) => name === "src") ?? ["", ""];
    return `<code>${utils.escapeHtml(`image: ${[content, address].filter(Boolean).join(", ")}`)}</code>`;
  };
  rules.fence = (tokens, at) => {
    const { content, info } = tokens[at];
    const isLanguage = info.length <= LANGUAGE;
    const code = isLanguage ? content : `${info}\n${content}`;
    return `<pre title="${isLanguage ? utils.escapeHtml(info.trim()) : ""}"><code>${utils.escapeHtml(code)}</code></pre>\n`;
  };
  return markdown;
}

let renderer = null;

/** Return a text's HTML, not sanitized yet, or null if that is too deep or takes too long. */
export function html(text, longest = LONGEST) {
  renderer ??= made();
  deadline = performance.now() + longest;
  try {
    return renderer.render(text);
  } catch (problem) {
    if (problem instanceof TooMuch || problem instanceof RangeError) return null;
    throw problem;
  } finally {
    deadline = Infinity;
  }
}

/** Return a text's Markdown as nodes of the page, or null if it is to be shown as plain text. */
export function rendered(text) {
  const raw = html(text);
  if (raw === null) return null;
  const nodes = DOMPurify.sanitize(raw, {
    ALLOWED_TAGS: TAGS,
    ALLOWED_ATTR: ATTRIBUTES,
    ALLOWED_URI_REGEXP: ADDRESS,
    ADD_URI_SAFE_ATTR: ["start"],
    ALLOW_DATA_ATTR: false,
    ALLOW_ARIA_ATTR: false,
    RETURN_DOM_FRAGMENT: true,
  });
  for (const link of nodes.querySelectorAll("a")) {
    link.setAttribute("target", "_blank");
    link.setAttribute("rel", "noopener noreferrer");
  }
  for (const scrolling of nodes.querySelectorAll("pre")) scrolling.setAttribute("tabindex", "0");
  return nodes;
}
