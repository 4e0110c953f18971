// OpenAI's SDK for Node.js: node openai.cjs FOLDER < asks.json > outcomes.json
"use strict";

const { answer, library } = require("./program.cjs");
const { OpenAI } = library("openai");

const messages = [{ role: "user", content: "Hello!" }];

async function call(ask, outcome) {
  const client = new OpenAI({
    baseURL: ask.url,
    apiKey: "none",
    maxRetries: 0,
    timeout: ask.timeout * 1000,
  });
  const take = (choice, part) => {
    outcome.text += part.content ?? "";
    outcome.finish = choice.finish_reason ?? outcome.finish;
    for (const [position, one] of (part.tool_calls ?? []).entries())
      outcome.tool(one.index ?? position, one.function.name, one.function.arguments);
  };
  const say = { model: ask.model, messages };
  try {
    if (ask.stream) {
      for await (const chunk of await client.chat.completions.create({ ...say, stream: true }))
        for (const choice of chunk.choices) take(choice, choice.delta);
    } else {
      const whole = await client.chat.completions.create(say);
      for (const choice of whole.choices) take(choice, choice.message);
    }
  } catch (error) {
    outcome.fail(error, error?.status);
  }
}

answer(call);
