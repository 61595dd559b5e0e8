// What the unmodified `openai` package of npm gets: an answer, a stream, a forced tool call, JSON to a schema.
import OpenAI from "openai";

const [url, model] = process.argv.slice(2);
const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: "none", maxRetries: 0 });
const messages = [{ role: "user", content: "What is Modelyard?" }];
const parameters = {
  type: "object",
  properties: { city: { type: "string", enum: ["Oslo", "Lima"] } },
  required: ["city"],
  additionalProperties: false,
};

const whole = await client.chat.completions.create({ model, messages, temperature: 0, max_tokens: 24 });
const stream = await client.chat.completions.create({ model, messages, temperature: 0, max_tokens: 24, stream: true });
let streamed = "";
for await (const chunk of stream) streamed += chunk.choices[0]?.delta?.content ?? "";
const called = await client.chat.completions.create({
  model,
  messages,
  max_tokens: 200,
  tools: [{ type: "function", function: { name: "get_weather", parameters } }],
  tool_choice: { type: "function", function: { name: "get_weather" } },
});
const judged = await client.chat.completions.create({
  model,
  messages,
  max_tokens: 60,
  response_format: { type: "json_schema", json_schema: { name: "where", strict: true, schema: parameters } },
});
const models = [];
for await (const each of client.models.list()) models.push(each.id);

console.log(
  JSON.stringify({
    models,
    text: whole.choices[0].message.content,
    finish_reason: whole.choices[0].finish_reason,
    streamed,
    calls: (called.choices[0].message.tool_calls ?? []).map((call) => [
      call.function.name,
      JSON.parse(call.function.arguments),
    ]),
    judged: JSON.parse(judged.choices[0].message.content),
  }),
);
