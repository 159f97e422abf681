// Names in boxes: broken into lines and cut to fit. Measured widths are cached.

const LONGEST = 160; // characters; longer names never fit into a box
const KNOWN = 4000;
const RIGHT_TO_LEFT = /^[^\p{L}]*[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff]/u;

export const isRightToLeft = (text) => RIGHT_TO_LEFT.test(text);

/** Break a name into at most `lines` lines of a width; `measure` returns the width of a text. */
export function labels(measure) {
  const known = new Map();
  return (name, width, lines) => {
    const key = `${Math.round(width)} ${lines} ${name}`;
    if (!known.has(key)) {
      if (known.size > KNOWN) known.clear();
      known.set(key, broken(name, width, lines, measure));
    }
    return known.get(key);
  };
}

function broken(name, width, lines, measure) {
  const text = name.replace(/\s+/g, " ").trim();
  const short = text.length > LONGEST ? `${[...text.slice(0, LONGEST)].slice(0, -1).join("")}…` : text;
  const made = [];
  let rest = short;
  while (rest && made.length < lines - 1 && measure(rest) > width) {
    const line = wordsOf(rest, width, measure);
    if (!line) break;
    made.push(line.trimEnd());
    rest = rest.slice(line.length).trimStart();
  }
  if (rest) made.push(cut(rest, width, measure));
  return made.filter(Boolean);
}

/** Return as many whole words as fit. */
function wordsOf(text, width, measure) {
  let line = "";
  for (const word of text.split(/(?<=[\s/-])/)) {
    if (measure((line + word).trimEnd()) > width) break;
    line += word;
  }
  return line;
}

function cut(text, width, measure) {
  if (measure(text) <= width) return text;
  const signs = [...text];
  let [fits, over] = [0, signs.length];
  while (over - fits > 1) {
    const middle = (fits + over) >> 1;
    if (measure(`${signs.slice(0, middle).join("")}…`) <= width) fits = middle;
    else over = middle;
  }
  return fits ? `${wholeWords(signs, fits).trimEnd().replace(/[,;:-]+$/, "")}…` : "";
}

/** Return the first signs, up to the end of a word if one ends in their second half. */
function wholeWords(signs, count) {
  const end = signs[count] === " " ? count : signs.slice(0, count).lastIndexOf(" ");
  return signs.slice(0, end > count / 2 ? end : count).join("");
}
