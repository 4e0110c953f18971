// The process that drives one client of Node.js: JSON lines in, JSON lines out.
//
//     node main.cjs NAME FOLDER
//
// NAME is a file beside this one, FOLDER the one whose node_modules has the client. The protocol is
// that of main.py. Times are those of CLOCK_MONOTONIC, which all processes of a Linux machine share.
// Standard output belongs to the protocol, so what the client prints goes to standard error.
"use strict";

const { createRequire } = require("node:module");
const { createInterface } = require("node:readline");
const { resolve } = require("node:path");

const MAX_EVENTS = 2000;
const LONG = 2000; // characters of a text that an event shows
const PIECES = new Set(["chunk", "event"]); // events that a caller who leaves counts

for (const name of ["log", "info", "debug"]) console[name] = console.error;

const now = () => Number(process.hrtime.bigint()) / 1e9;
const say = (what) => process.stdout.write(`${JSON.stringify(what)}\n`);
const sleep = (seconds) => new Promise((wake) => setTimeout(wake, seconds * 1000));

/** The caller leaves here, as a loop does that is broken off. */
class Left extends Error {}

/** What tells the events of a call, with times; what it returns throws where the caller leaves. */
function notes(order) {
  let count = 0;
  let pieces = 0;
  return async (kind, text = "") => {
    count += 1;
    if (count <= MAX_EVENTS) say({ event: [now(), kind, String(text).slice(0, LONG)] });
    if (!PIECES.has(kind)) return;
    pieces += 1;
    if (pieces !== order.leaves_after) return;
    await sleep(order.pause || 0);
    throw new Left();
  };
}

/** An exception, as the drill knows it. */
function failed(driver, error) {
  let status = null;
  let code = null;
  const known = new Set();
  for (let one = error; one && typeof one === "object" && !known.has(one); one = one.cause) {
    known.add(one);
    if (Number.isInteger(one.status)) status ??= one.status;
    if (typeof one.code === "string" || Number.isInteger(one.code)) code ??= one.code;
  }
  return {
    kind: driver.kind(error),
    name: error?.constructor?.name ?? "error",
    message: String(error?.message ?? error).slice(0, 2000),
    status,
    code,
  };
}

/** Ask once; what the caller saw. */
async function call(driver, client, order) {
  const note = notes(order);
  const begun = now();
  const seen = { text: null, error: null, tool_calls: null, finish: null, usage: null };
  await note("call");
  try {
    Object.assign(seen, await driver.call(client, order, note));
    await note("returned");
  } catch (error) {
    if (error instanceof Left) {
      seen.left = true;
      await note("left");
    } else {
      seen.error = failed(driver, error);
      await note("raised", seen.error.name);
    }
  }
  seen.seconds = now() - begun;
  return { seen, begun };
}

/** Carry out orders until there are no more. */
async function serve(name, folder) {
  const library = createRequire(`${resolve(folder)}/`);
  const driver = require(`./${name}.cjs`)(library);
  let client = null;
  for await (const line of createInterface({ input: process.stdin })) {
    const order = JSON.parse(line);
    if (order.op === "open") {
      client = driver.open(order);
      say({ ok: true, version: driver.version, runtime: `Node.js ${process.versions.node}`, wires: driver.wires });
    } else {
      say(await call(driver, client, order));
    }
  }
}

serve(...process.argv.slice(2)).then(
  () => process.exit(0),
  (error) => {
    process.stderr.write(`${String(error?.message ?? error).split("\n")[0]}\n`, () => process.exit(1));
  },
);
