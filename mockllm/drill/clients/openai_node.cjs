// The official openai SDK for Node.js.
"use strict";

module.exports = (library) => {
  const { OpenAI } = library("openai");

  /** Whether an exception is the SDK's own, or its kind for time limits. */
  function kind(error) {
    if (error instanceof OpenAI.APIConnectionTimeoutError) return "timeout";
    return error instanceof OpenAI.OpenAIError || error instanceof OpenAI.APIError ? "typed" : "other";
  }

  /** A new client. */
  function open(order) {
    return new OpenAI({
      baseURL: order.base_url,
      apiKey: order.api_key,
      timeout: order.timeout * 1000,
      maxRetries: order.retries,
      defaultHeaders: order.headers ?? {},
    });
  }

  /** Chat completions, as the SDK's documentation does it. */
  async function askChat(client, order, note) {
    const ask = { model: order.model, messages: order.messages, stream: order.stream };
    if (order.tools) ask.tools = order.tools;
    if (order.stream && order.usage) ask.stream_options = { include_usage: true };
    const found = await client.chat.completions.create(ask);
    if (!order.stream) {
      const choice = found.choices[0];
      return {
        text: choice.message.content ?? "",
        finish: choice.finish_reason,
        usage: found.usage?.completion_tokens ?? null,
        model: found.model,
        tool_calls: (choice.message.tool_calls ?? []).map((one) => [
          one.function.name,
          one.function.arguments,
        ]),
      };
    }
    const seen = { text: "", finish: null, usage: null, model: null };
    const calls = new Map();
    for await (const chunk of found) {
      seen.model = chunk.model || seen.model;
      seen.usage = chunk.usage?.completion_tokens ?? seen.usage;
      for (const choice of chunk.choices) {
        await note("chunk", choice.delta?.content ?? "");
        seen.text += choice.delta?.content ?? "";
        for (const part of choice.delta?.tool_calls ?? []) {
          if (!calls.has(part.index)) calls.set(part.index, ["", ""]);
          calls.get(part.index)[0] += part.function?.name ?? "";
          calls.get(part.index)[1] += part.function?.arguments ?? "";
        }
        seen.finish = choice.finish_reason ?? seen.finish;
      }
    }
    const indexes = [...calls.keys()].sort((one, other) => one - other);
    return { ...seen, tool_calls: indexes.map((index) => calls.get(index)) };
  }

  /** Responses. */
  async function askResponses(client, order, note) {
    const ask = { model: order.model, input: order.messages, stream: order.stream };
    let found = await client.responses.create(ask);
    if (order.stream) {
      let last = null;
      for await (const event of found) {
        await note("event", event.type);
        last = event.response ?? last;
      }
      if (last === null) return { text: "" };
      found = last;
    }
    const output = found.output ?? [];
    const texts = output.flatMap((one) => (one.type === "message" ? one.content : []));
    return {
      text: texts.map((one) => one.text ?? "").join(""),
      finish: found.status,
      usage: found.usage?.output_tokens ?? null,
      model: found.model,
      tool_calls: output
        .filter((one) => one.type === "function_call")
        .map((one) => [one.name, one.arguments]),
    };
  }

  /** The older completions. */
  async function askCompletions(client, order, note) {
    const ask = { model: order.model, prompt: order.messages.at(-1).content, stream: order.stream };
    const found = await client.completions.create(ask);
    if (!order.stream) {
      return { text: found.choices[0].text, finish: found.choices[0].finish_reason };
    }
    const seen = { text: "", finish: null };
    for await (const chunk of found) {
      for (const choice of chunk.choices) {
        await note("chunk", choice.text);
        seen.text += choice.text;
        seen.finish = choice.finish_reason ?? seen.finish;
      }
    }
    return seen;
  }

  const asks = {
    "openai.chat": askChat,
    "openai.responses": askResponses,
    "openai.completions": askCompletions,
  };

  return {
    version: `openai-node ${library("openai/version").VERSION}`,
    wires: Object.keys(asks),
    kind,
    open,
    call: (client, order, note) => asks[order.wire](client, order, note),
  };
};
