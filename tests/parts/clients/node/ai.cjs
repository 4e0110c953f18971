// Vercel's AI SDK: node ai.cjs FOLDER < asks.json > outcomes.json
"use strict";

const { answer, library } = require("./program.cjs");
const { generateText, jsonSchema, streamText, tool } = library("ai");
const { createOpenAI } = library("@ai-sdk/openai");

const any = tool({ inputSchema: jsonSchema({ type: "object" }) });
const tools = { get_weather: any, get_time: any };

async function call(ask, outcome) {
  const model = createOpenAI({ baseURL: ask.url, apiKey: "none" }).chat(ask.model);
  const abortSignal = AbortSignal.timeout(ask.timeout * 1000);
  const say = { model, prompt: "Hello!", maxRetries: 0, abortSignal, tools };
  // It gives the input of a call as a value; the arguments are written as Python writes JSON.
  const take = (one) =>
    outcome.tool(
      outcome.tools.length,
      one.toolName,
      JSON.stringify(one.input).replace(/":/g, '": '),
    );
  const fail = (error) => outcome.fail(error, error?.statusCode);
  try {
    if (ask.stream) {
      for await (const part of streamText({ ...say, onError() {} }).fullStream) {
        if (part.type === "text-delta") outcome.text += part.text;
        if (part.type === "tool-call") take(part);
        if (part.type === "finish") outcome.finish = part.finishReason;
        if (part.type === "error") fail(part.error);
        if (part.type === "abort") fail(abortSignal.reason);
      }
    } else {
      const whole = await generateText(say);
      outcome.text = whole.text;
      outcome.finish = whole.finishReason;
      whole.toolCalls.forEach(take);
    }
  } catch (error) {
    fail(error);
  }
}

answer(call);
