// Calls models through Shroud with the official SDKs as they are, and prints one JSON
// object: what each call gave. Usage: node sdk.mjs openai|anthropic|google URL KEY
import OpenAI from "openai";
import Anthropic from "@anthropic-ai/sdk";
import { GoogleGenAI } from "@google/genai";

const [, , which, url, key] = process.argv;
const png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII=";
const schema = { type: "object", properties: { city: { type: "string" } }, required: ["city"], additionalProperties: false };
const out = {};

// failed is how a call ends that must not do.
async function failed(call) {
	try {
		return { answered: await call() };
	} catch (e) {
		return { status: e.status ?? null, message: String(e.message), kind: e.constructor.name };
	}
}

async function openai() {
	const client = new OpenAI({ baseURL: url + "/v1", apiKey: key, maxRetries: 0 });
	const model = "openai/gpt-5";
	const messages = [{ role: "user", content: "Hello" }];
	const tools = [{ type: "function", function: { name: "weather", description: "Tells it.", parameters: schema } }];
	out.chat = (await client.chat.completions.create({ model, messages })).choices[0].message.content;
	let text = "", usage;
	for await (const chunk of await client.chat.completions.create({ model, messages, stream: true, stream_options: { include_usage: true } })) {
		text += chunk.choices[0]?.delta?.content ?? "";
		usage = chunk.usage ?? usage;
	}
	out.stream = { text, usage: usage.total_tokens };
	const called = (await client.chat.completions.stream({ model, messages, tools }).finalChatCompletion()).choices[0];
	out.called = called.message.tool_calls.map((c) => [c.function.name, JSON.parse(c.function.arguments)]);
	out.why = called.finish_reason;
	const results = called.message.tool_calls.map((c) => ({ role: "tool", tool_call_id: c.id, content: '{"rain": true}' }));
	out.answered = (await client.chat.completions.create({ model, messages: [...messages, called.message, ...results], tools })).choices[0].message.content;
	const look = [{ role: "user", content: [{ type: "text", text: "What is it?" }, { type: "image_url", image_url: { url: "data:image/png;base64," + png } }] }];
	out.vision = (await client.chat.completions.create({ model, messages: look })).choices[0].message.content;
	const format = { type: "json_schema", json_schema: { name: "place", strict: true, schema } };
	out.json = (await client.chat.completions.parse({ model, messages, response_format: format })).choices[0].message.parsed;
	const vectors = await client.embeddings.create({ model: "openai/embed-1", input: ["a", "b"] });
	out.vectors = vectors.data.map((d) => Array.from(d.embedding));
	const response = await client.responses.create({ model: "gpt-5", input: "Hello", instructions: "Be kind." });
	out.response = response.output_text;
	const events = [];
	const stream = client.responses.stream({ model: "gpt-5", input: messages, tools: [{ type: "function", name: "weather", parameters: schema, strict: true }] });
	for await (const event of stream) {
		events.push(event.type);
	}
	const whole = await stream.finalResponse();
	out.responses = { text: whole.output_text, kinds: whole.output.map((o) => o.type), first: events[0], last: events.at(-1), usage: whole.usage.total_tokens };
	out.limited = await failed(() => client.chat.completions.create({ model, messages }));
	const drain = async (stream) => { for await (const _ of await stream) { /* to its end */ } };
	out.broken = await failed(() => drain(client.chat.completions.create({ model, messages, stream: true })));
	out.brokenResponse = await failed(() => drain(client.responses.create({ model: "gpt-5", input: "Hello", stream: true })));
	out.refused = await failed(() => new OpenAI({ baseURL: url + "/v1", apiKey: "ocv_wrong", maxRetries: 0 }).chat.completions.create({ model, messages }));
	out.models = (await client.models.list()).data.map((m) => m.id);
}

async function anthropic() {
	const client = new Anthropic({ baseURL: url, apiKey: key, maxRetries: 0 });
	const model = "claude-sonnet-4-5", max_tokens = 4096;
	const messages = [{ role: "user", content: "Hello" }];
	const tools = [{ name: "weather", description: "Tells it.", input_schema: schema }];
	out.chat = (await client.messages.create({ model, max_tokens, messages })).content[0].text;
	const stream = client.messages.stream({ model, max_tokens, messages, tools, thinking: { type: "adaptive" } });
	let text = "";
	stream.on("text", (piece) => { text += piece; });
	const whole = await stream.finalMessage();
	const thought = whole.content.find((b) => b.type === "thinking");
	out.stream = { text, thought: thought.thinking, signature: thought.signature, usage: whole.usage.output_tokens, input: whole.usage.input_tokens };
	const uses = whole.content.filter((b) => b.type === "tool_use");
	out.called = uses.map((b) => [b.name, b.input]);
	out.why = whole.stop_reason;
	const results = uses.map((b) => ({ type: "tool_result", tool_use_id: b.id, content: "It rains." }));
	out.answered = (await client.messages.create({ model, max_tokens, tools, messages: [...messages, { role: "assistant", content: whole.content }, { role: "user", content: results }] })).content[0].text;
	const image = { type: "image", source: { type: "base64", media_type: "image/png", data: png } };
	out.vision = (await client.messages.create({ model, max_tokens, messages: [{ role: "user", content: [image, { type: "text", text: "What is it?" }] }] })).content[0].text;
	out.count = (await client.messages.countTokens({ model, messages })).input_tokens;
	out.overloaded = await failed(() => client.messages.create({ model, max_tokens, messages }));
	out.broken = await failed(() => client.messages.stream({ model, max_tokens, messages }).finalMessage());
	out.refused = await failed(() => new Anthropic({ baseURL: url, apiKey: "ocv_wrong", maxRetries: 0 }).messages.create({ model, max_tokens, messages }));
}

async function google() {
	const ai = new GoogleGenAI({ apiKey: key, httpOptions: { baseUrl: url } });
	const model = "gemini-3-pro", contents = "Hello";
	out.chat = (await ai.models.generateContent({ model, contents })).text;
	let text = "", calls = [], signatures = [], usage;
	const tools = [{ functionDeclarations: [{ name: "weather", description: "Tells it.", parametersJsonSchema: schema }] }];
	for await (const chunk of await ai.models.generateContentStream({ model, contents, config: { tools, systemInstruction: "Be kind." } })) {
		const parts = chunk.candidates?.[0]?.content?.parts ?? [];
		text += parts.filter((p) => p.text && !p.thought).map((p) => p.text).join("");
		calls.push(...parts.filter((p) => p.functionCall));
		signatures.push(...parts.map((p) => p.thoughtSignature).filter((s) => s));
		usage = chunk.usageMetadata ?? usage;
	}
	out.stream = { text, signatures, usage: usage.totalTokenCount };
	out.called = calls.map((p) => [p.functionCall.name, p.functionCall.args]);
	const turns = [
		{ role: "user", parts: [{ text: contents }] }, { role: "model", parts: calls },
		{ role: "user", parts: calls.map((p) => ({ functionResponse: { id: p.functionCall.id, name: p.functionCall.name, response: { result: "It rains." } } })) },
	];
	out.answered = (await ai.models.generateContent({ model, contents: turns, config: { tools } })).text;
	out.vision = (await ai.models.generateContent({ model, contents: [{ inlineData: { mimeType: "image/png", data: png } }, "What is it?"] })).text;
	out.json = JSON.parse((await ai.models.generateContent({ model, contents, config: { responseMimeType: "application/json", responseJsonSchema: schema } })).text);
	out.count = (await ai.models.countTokens({ model, contents })).totalTokens;
	out.vectors = (await ai.models.embedContent({ model: "embed-1", contents })).embeddings.length;
	out.limited = await failed(() => ai.models.generateContent({ model, contents }));
	out.broken = await failed(async () => {
		for await (const _ of await ai.models.generateContentStream({ model, contents })) { /* to its end */ }
	});
	out.refused = await failed(() => new GoogleGenAI({ apiKey: "ocv_wrong", httpOptions: { baseUrl: url } }).models.generateContent({ model, contents }));
}

await { openai, anthropic, google }[which]();
console.log(JSON.stringify(out));
