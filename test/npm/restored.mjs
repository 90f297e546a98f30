// Has a model call a tool through Shroud with the official SDKs as they are, in streams, and prints one JSON object:
// what the tool is called with. Usage: node restored.mjs openai|anthropic|google URL KEY
import OpenAI from "openai";
import Anthropic from "@anthropic-ai/sdk";
import { GoogleGenAI } from "@google/genai";

const [, , which, url, key] = process.argv;
const text = "Fetch it with hunter2-Zebra_90.";
const schema = { type: "object", properties: { url: { type: "string" } }, additionalProperties: true };
const messages = [{ role: "user", content: text }];
const out = {};

async function openai() {
	const client = new OpenAI({ baseURL: url + "/v1", apiKey: key, maxRetries: 0 });
	const tools = [{ type: "function", function: { name: "fetch", parameters: schema } }];
	const chat = await client.chat.completions.stream({ model: "openai/gpt-5", messages, tools }).finalChatCompletion();
	out.chat = JSON.parse(chat.choices[0].message.tool_calls[0].function.arguments);
	const stream = client.responses.stream({ model: "gpt-5", input: messages, tools: [{ type: "function", name: "fetch", parameters: schema, strict: false }] });
	const whole = await stream.finalResponse();
	out.responses = JSON.parse(whole.output.find((o) => o.type === "function_call").arguments);
}

async function anthropic() {
	const client = new Anthropic({ baseURL: url, apiKey: key, maxRetries: 0 });
	const tools = [{ name: "fetch", input_schema: schema }];
	const said = await client.messages.stream({ model: "claude-opus-5", max_tokens: 99, messages, tools }).finalMessage();
	out.messages = said.content.find((c) => c.type === "tool_use").input;
}

async function google() {
	const client = new GoogleGenAI({ apiKey: key, httpOptions: { baseUrl: url } });
	for await (const chunk of await client.models.generateContentStream({ model: "gemini-3-pro", contents: text })) {
		for (const call of chunk.functionCalls ?? []) {
			out.gemini = call.args;
		}
	}
}

await { openai, anthropic, google }[which]();
console.log(JSON.stringify(out));
