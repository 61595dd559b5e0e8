// What the unmodified `ollama` package of npm gets: a chat, a stream, JSON to a schema, and the models.
import { Ollama } from "ollama";

const [url, model] = process.argv.slice(2);
const client = new Ollama({ host: url });
const messages = [{ role: "user", content: "What is Modelyard?" }];
const options = { temperature: 0, num_predict: 24 };
const schema = {
  type: "object",
  properties: { good: { type: "boolean" } },
  required: ["good"],
  additionalProperties: false,
};

const whole = await client.chat({ model, messages, options });
let streamed = "";
for await (const part of await client.chat({ model, messages, options, stream: true })) streamed += part.message.content;
const generated = await client.generate({ model, prompt: "What is Modelyard?", options });
const tool = { type: "function", function: { name: "get_weather", parameters: { type: "object", properties: {} } } };
const tooled = await client.chat({ model, messages, tools: [tool], options });
const judged = await client.chat({ model, messages, format: schema, options: { num_predict: 60 } });

console.log(
  JSON.stringify({
    models: (await client.list()).models.map((each) => each.name),
    text: whole.message.content,
    done_reason: whole.done_reason,
    prompt_tokens: [whole.prompt_eval_count, tooled.prompt_eval_count],
    streamed,
    generated: generated.response,
    judged: JSON.parse(judged.message.content),
  }),
);
