// Reads one JSON object a line, {name, kind, data (base64), steps}, and answers {name, answers: {reader: {value} | {absent} | {error}}}.
"use strict";
const readers = { grayMatter: require("gray-matter"), jsYaml: require("js-yaml"), yaml: require("yaml") };

function at(root, steps) {
  let here = root;
  for (const step of steps) {
    if (here === null || here === undefined || typeof here !== "object" || !Object.hasOwn(here, step)) return { absent: true };
    here = here[step];
  }
  return typeof here === "string" ? { value: here } : { other: String(here) };
}

function answer(read, steps) {
  try {
    return at(read(), steps);
  } catch (error) {
    return { error: String(error.message || error).split("\n")[0].slice(0, 120) };
  }
}

function answers({ kind, data, yaml, steps }) {
  const whole = Buffer.from(data, "base64").toString("utf8");
  if (kind === "json") return { JSON: answer(() => JSON.parse(whole.replace(/^\ufeff/, "")), steps) };
  const text = Buffer.from(yaml, "base64").toString("utf8");
  const found = {
    "js-yaml": answer(() => readers.jsYaml.load(text), steps),
    yaml: answer(() => readers.yaml.parse(text, { merge: true, uniqueKeys: false, logLevel: "error" }), steps),
  };
  if (kind === "frontmatter") found["gray-matter"] = answer(() => readers.grayMatter(whole, { cache: false }).data, steps);
  return found;
}

const lines = require("fs").readFileSync(0, "utf8").split("\n").filter(Boolean);
for (const line of lines) {
  const row = JSON.parse(line);
  console.log(JSON.stringify({ name: row.name, answers: answers(row) }));
}
