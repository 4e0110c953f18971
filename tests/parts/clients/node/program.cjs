// What the clients of Node.js have in common: asks from stdin, outcomes to stdout, in the form of
// tests/sdk/drive.py. The first argument is the folder whose node_modules has the libraries.
"use strict";

const { readFileSync } = require("node:fs");
const { createRequire } = require("node:module");

/** A library of the part. */
const library = createRequire(`${process.argv[2]}/`);

class Outcome {
  text = "";
  finish = null;
  tools = [];
  error = null;
  status = null;
  message = "";

  /** Take a piece of a tool call. */
  tool(index, name, text) {
    while (this.tools.length <= index) this.tools.push(["", ""]);
    this.tools[index][0] += name ?? "";
    this.tools[index][1] += text ?? "";
  }

  /** Take what an error says. */
  fail(error, status) {
    this.error = error?.constructor?.name ?? String(error);
    this.status = status ?? null;
    this.message = String(error?.message ?? error);
  }
}

/** Make all calls, one after the other; `call(ask, outcome)` fills in an outcome. */
async function answer(call) {
  const outcomes = [];
  for (const ask of JSON.parse(readFileSync(0, "utf-8"))) {
    const outcome = new Outcome();
    await call(ask, outcome);
    outcomes.push(outcome);
  }
  process.stdout.write(`\n${JSON.stringify(outcomes)}\n`, () => process.exit(0));
}

module.exports = { answer, library };
