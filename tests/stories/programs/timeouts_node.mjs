// OpenAI's newest SDK for Node: what its one limit ends. Input and output are those of
// timeouts_aiohttp.py; run with the SDK's folder: node timeouts_node.mjs FOLDER < in > out

import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const OpenAI = createRequire(`${process.argv[2]}/`)("openai").default;
const { limit, guard, urls } = JSON.parse(readFileSync(0, "utf8"));

async function read(baseURL) {
  const client = new OpenAI({ baseURL, apiKey: "mockllm-not-a-key", maxRetries: 0, timeout: limit * 1000 });
  const ask = { model: "m", stream: true, messages: [{ role: "user", content: "Hi" }] };
  let chunks = 0;
  for await (const _ of await client.chat.completions.create(ask)) chunks += 1;
  return chunks ? "whole" : "empty";
}

async function timed(situation) {
  const begin = performance.now();
  const waits = new Promise((done) => setTimeout(() => done("waits"), guard * 1000));
  const failed = (error) => (error.status ? String(error.status) : error.constructor.name);
  const said = await Promise.race([read(urls[situation]).catch(failed), waits]);
  return ["openai-node, timeout", situation, said, (performance.now() - begin) / 1000];
}

const asked = Object.keys(urls).filter((one) => one !== "full pool"); // its pool has no bound
process.stdout.write(JSON.stringify(await Promise.all(asked.map(timed))), () => process.exit(0));
